"""Convert between images as files hold them and images as networks take them.

Files, datasets and users have uint8 values in the shape (N, height, width, 3). Networks have float32 values in [-1, 1]
in the shape (N, 3, height, width). No other module converts between the two.
"""

from typing import Any, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Floats, Images


class Tensor(Protocol):
    """The part of a torch.Tensor that this module uses; `images` does not import torch."""

    def permute(self, *dims: int) -> Any: ...
    def detach(self) -> Any: ...


AnyTensor = TypeVar("AnyTensor", bound=Tensor)


@overload
def to_float(images: Images) -> Floats: ...
@overload
def to_float(images: AnyTensor) -> AnyTensor: ...
def to_float(images: Any) -> Any:
    """Return uint8 images (N, H, W, 3) as float32 (N, 3, H, W) in [-1, 1], as an array or a tensor like the input.

    The memory order stays channels-last.
    """
    if isinstance(images, np.ndarray):
        return images.transpose(0, 3, 1, 2) / np.float32(127.5) - np.float32(1)
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_uint8(images: NDArray[np.floating] | Tensor) -> Images:
    """Return float images (N, 3, H, W) in [-1, 1], an array or a tensor, as a uint8 array (N, H, W, 3).

    Values are rounded to the nearest and clipped.
    """
    values = images if isinstance(images, np.ndarray) else images.detach().float().cpu().numpy()
    scaled = np.rint(values.transpose(0, 2, 3, 1) * 127.5 + 127.5)
    with np.errstate(invalid="ignore"):  # NaN, from a run that diverged
        return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def reduction(size: tuple[int, int], target: tuple[int, int]) -> int:
    """Return by how many times ``size`` is larger than ``target`` (width and height), 0 if not by a whole number."""
    factor = size[0] // target[0]
    return factor if size == (factor * target[0], factor * target[1]) else 0


def reduce_images(images: Images, target: tuple[int, int]) -> Images:
    """Return images (N, H, W, 3) of a multiple of the ``target`` width and height as means of their blocks.

    Other arrays are returned as they are.
    """
    if images.ndim != 4 or (factor := reduction((images.shape[2], images.shape[1]), target)) < 2:
        return images
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // factor, factor, width // factor, factor, channels)
    return np.asarray(np.rint(blocks.mean((2, 4))), np.uint8)
