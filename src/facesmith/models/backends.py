"""What computes a model's networks: ONNX Runtime, which needs no torch, or torch itself."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images.pixels import to_float

BACKENDS = ("onnx", "torch")

# Networks always compute these same blocks of consecutive indices. Arithmetic in another batch size may round
# otherwise; in the same block at the same place it cannot, so face i of a seed is the same face in any run.
BLOCK = 16

Backend = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def network(backend: str, onnx: Path, weights: Path, card: dict[str, Any], threads: int | None = None) -> Backend:
    """What computes one network: from the file ``onnx``, or from its ``weights`` and its ``card`` by torch.

    A generator takes latents (N x latent_size, or with detail) and gives pictures (N x 3 x H x W in
    [-1, 1]), an encoder the other way round. ``threads`` are ONNX Runtime's.
    """
    return _onnx(onnx, threads) if backend == "onnx" else _by_torch(*torch_module(weights, card))


def session(path: Path, what: str = "model", threads: int | None = None) -> Any:
    """An ONNX Runtime session on the CPU for one file; `FacesmithError` where it cannot be loaded.

    It computes with that many ``threads``, by default one for every core.
    """
    # What is computed here is nobody else's business: ONNX Runtime 1.31 tells its maker how it is used, and that can
    # only be turned off before it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # warnings about missing GPUs are no news to anyone
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base but this one
        raise FacesmithError(f"{path} cannot be loaded ({error}): export the {what} again") from None


def of_pictures(
    compute: Backend, pictures: NDArray[np.uint8], size: tuple[int, int], columns: int, who: str, block: int = BLOCK
) -> NDArray[np.float32]:
    """What ``compute`` says of pictures (uint8, N x H x W x 3, or one of them), given them in [-1, 1]: N x ``columns``.

    ``size`` is width and height; where pictures have others, a `FacesmithError` begins with ``who``. ``compute`` is
    always given ``block`` pictures.
    """
    seen = np.asarray(pictures)
    seen = seen[None] if seen.ndim == 3 else seen
    width, height = size
    if seen.dtype != np.uint8 or seen.ndim != 4 or seen.shape[1:] != (height, width, 3):
        raise FacesmithError(f"{who} uint8 pictures of shape (N, {height}, {width}, 3), not {seen.dtype} {seen.shape}")
    found = np.zeros((len(seen), columns), np.float32)
    for start in range(0, len(seen), block):
        some = seen[start : start + block]
        x = np.zeros((block, 3, height, width), np.float32)  # always a whole block: none depends on the others
        x[: len(some)] = to_float(some)
        found[start : start + block] = compute(x)[: len(some)]
    return found


def rows_stand_alone(compute: Backend, columns: int) -> bool:
    """Whether a row of latents gives the same bits in small batches as in a whole `BLOCK`, on this machine.

    It is tried, because nothing promises it: it depends on the kernels chosen for the processor. Sums that are taken in
    another order show in some of a block's thousands of numbers.
    """
    z = np.random.default_rng(0).standard_normal((BLOCK, columns)).astype(np.float32)
    whole = compute(z)
    return all(np.array_equal(compute(z[-size:]), whole[-size:]) for size in range(1, BLOCK))


def _onnx(path: Path, threads: int | None) -> Backend:
    loaded = session(path, threads=threads)
    (takes,) = loaded.get_inputs()
    width = takes.shape[1] if len(takes.shape) == 2 else None  # of latents

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if width is not None and batch.shape[1] < width:  # no detail is a detail of zeros
            batch = np.pad(batch, ((0, 0), (0, width - batch.shape[1])))
        (made,) = loaded.run(None, {takes.name: batch})
        return np.asarray(made)

    return run


def torch_module(weights: Path, card: dict[str, Any]) -> tuple[Any, Any]:
    """A network as a torch module in eval mode, and its device: a CUDA GPU where there is one."""
    torch = require("torch", "train", "the torch backend")
    safetensors = require("safetensors.torch", "train", "the torch backend")
    from facesmith.networks import build as networks

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = networks.from_card(card)
    try:
        net.load_state_dict(safetensors.load_file(weights))
    except Exception as error:  # safetensors' and torch's errors have no common base
        raise FacesmithError(f"{weights} does not fit its card ({error}): export the model again") from None
    return networks.place(net, device, "channels_last").eval(), device


def _by_torch(net: Any, device: Any) -> Backend:
    torch = require("torch", "train", "the torch backend")

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            made: NDArray[np.float32] = net(torch.from_numpy(batch).to(device)).float().cpu().numpy()
        return made

    return run
