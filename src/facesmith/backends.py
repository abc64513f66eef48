"""What computes a model's networks: ONNX Runtime, which needs no torch, or torch itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.extras import require

BACKENDS = ("onnx", "torch")

Backend = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def network(backend: str, onnx: Path, weights: Path, card: dict[str, Any]) -> Backend:
    """What computes one network: from the file ``onnx``, or from its ``weights`` and its ``card`` by torch.

    A generator takes latents (N x latent_size, or with detail) and gives pictures (N x 3 x H x W in
    [-1, 1]), an encoder the other way round.
    """
    return _onnx(onnx) if backend == "onnx" else _by_torch(*torch_module(weights, card))


def _onnx(path: Path) -> Backend:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # warnings about missing GPUs are no news to anyone
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base but this one
        raise FacesmithError(f"{path} cannot be loaded ({error}): export the model again") from None
    (takes,) = session.get_inputs()
    width = takes.shape[1] if len(takes.shape) == 2 else None  # of latents

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if width is not None and batch.shape[1] < width:  # no detail is a detail of zeros
            batch = np.pad(batch, ((0, 0), (0, width - batch.shape[1])))
        (made,) = session.run(None, {takes.name: batch})
        return np.asarray(made)

    return run


def torch_module(weights: Path, card: dict[str, Any]) -> tuple[Any, Any]:
    """A network as a torch module in eval mode, and its device: a CUDA GPU where there is one."""
    torch = require("torch", "train", "the torch backend")
    safetensors = require("safetensors.torch", "train", "the torch backend")
    from facesmith.networks import families

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = families.from_card(card)
    try:
        net.load_state_dict(safetensors.load_file(weights))
    except Exception as error:  # safetensors' and torch's errors have no common base
        raise FacesmithError(f"{weights} does not fit its card ({error}): export the model again") from None
    return families.place(net, device, "channels_last").eval(), device


def _by_torch(net: Any, device: Any) -> Backend:
    torch = require("torch", "train", "the torch backend")

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            made: NDArray[np.float32] = net(torch.from_numpy(batch).to(device)).float().cpu().numpy()
        return made

    return run
