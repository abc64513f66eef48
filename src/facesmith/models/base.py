"""The base of everything that is loaded from a model folder, and its networks.

ONNX Runtime computes the networks and needs no torch; OpenVINO and torch are the other backends.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from facesmith.arrays import Doubles, Floats, Images
from facesmith.errors import FacesmithError
from facesmith.extras import check_backend, require
from facesmith.files import utf8_path
from facesmith.images.pixels import to_float
from facesmith.images.provenance import EDITED, GENERATED, Marks
from facesmith.machine import usable_cores, worker_count
from facesmith.models.folder import ModelFolder, open_model_folder
from facesmith.terms import combine_terms, terms_of

# Networks always compute the same blocks of consecutive indices. Another batch size may round differently, but the same
# position in a block of the same size does not, so face i of a seed is identical in every call.
BLOCK = 16

Network = Callable[[Floats], Floats]
Loaded = TypeVar("Loaded", bound="LoadedModel")


class LoadedModel:
    """A loaded model folder: ``path``, the ``card`` it holds, ``folder`` with its files, ``backend`` and ``threads``.

    ``backend`` is one of `facesmith.extras.BACKENDS`. ONNX Runtime and OpenVINO use that many ``threads``, by default
    one per core.
    """

    kind: ClassVar[str]

    def __init__(self, path: Path, card: dict[str, Any], backend: str = "onnx", threads: int | None = None) -> None:
        self.path, self.card, self.backend, self.threads = path, card, backend, threads
        self.folder = ModelFolder(path, self.kind)

    def __repr__(self) -> str:
        width, height = self.size
        return f"<facesmith.{type(self).__name__} {self.name!r} {width}x{height} {self.digest[:12]}>"

    @property
    def name(self) -> str:
        """The name of the folder that the model was exported to; bytes that are not UTF-8 are replaced."""
        return str(self.card["name"]).encode("utf-8", "replace").decode()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its images."""
        width, height = self.card["network"]["size"]
        return width, height

    def takes(self, size: tuple[int, int]) -> bool:
        """Return whether the model takes images of this width and height."""
        return size == self.size

    @property
    def digest(self) -> str:
        """SHA-256 of the weights. Models with the same digest give the same results."""
        return str(self.card["digest"])

    @property
    def terms(self) -> str:
        """The terms of use of the model and of its images."""
        return terms_of(self.card)

    def marks(self, *, seed: int | None = None, index: int | None = None) -> Marks:
        """Return the marks of an image that the model generates."""
        return Marks(GENERATED, self.name, self.digest, self.terms, seed, index)

    def edit_marks(self, photos: Iterable[Marks | None]) -> Marks:
        """Return the marks of an image that the model makes of photos, which have these marks themselves.

        Their terms apply too. An image that is made of generated ones alone is generated.
        """
        sources = list(photos)
        is_generated = all(source is not None and source.source_type == GENERATED for source in sources)
        terms = combine_terms([self.terms, *(source.terms for source in sources if source is not None)])
        return Marks(GENERATED if is_generated else EDITED, self.name, self.digest, terms)


def load_folder(cls: type[Loaded], source: str | Path, backend: str, threads: int | None, quiet: bool) -> Loaded:
    """Load a folder, an included model or a hub id: the one loading path for every kind of model; see `load`."""
    check_backend(backend)
    folder, card = open_model_folder(source, cls.kind, quiet=quiet)
    return cls(folder.path, card, backend, threads)


def open_network(backend: str, onnx: Path, weights: Path, card: dict[str, Any], threads: int | None = None) -> Network:
    """Return a function that computes one network: from the ONNX file, or from its weights and its card with torch.

    A generator takes latents (N x latent_size, or with the residual latent) and returns N x 3 x H x W in [-1, 1]; an
    encoder does the reverse. ``threads`` applies to ONNX Runtime and OpenVINO. Several threads may call the function.
    """
    if backend == "torch":
        return _torch_network(*torch_module(weights, card))
    return (_onnx_network if backend == "onnx" else _openvino_network)(onnx, threads)


def onnx_session(path: Path, noun: str = "model", threads: int | None = None) -> Any:
    """Open an ONNX file on the CPU with ``threads`` threads, by default one per core.

    Raises `FacesmithError` for a file that cannot be loaded.
    """
    # ONNX Runtime 1.31 sends usage data to its vendor. This can only be turned off before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # no warnings about missing GPUs
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = worker_count(threads) if threads else 0
    try:
        with utf8_path(path) as link:
            return onnxruntime.InferenceSession(str(link), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exceptions of ONNX Runtime have no other common base
        raise FacesmithError(f"{path} cannot be loaded ({error}): export the {noun} again") from None


def run_on_images(
    network: Network, images: Images, size: tuple[int, int], columns: int, name: str, block: int = BLOCK
) -> Floats:
    """Run a network on images (uint8, N x H x W x 3, or one of them) and return N x ``columns``.

    ``size`` is width and height. Raises `FacesmithError`, which quotes the model's ``name``, for images of another
    shape. The network always gets ``block`` images.
    """
    images = np.asarray(images)
    images = images[None] if images.ndim == 3 else images
    width, height = size
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (height, width, 3):
        raise FacesmithError(
            f"invalid images for {name}: expected uint8 of shape (N, {height}, {width}, 3), not {images.dtype} of "
            f"{images.shape}"
        )
    rows = np.zeros((len(images), columns), np.float32)
    for start in range(0, len(images), block):
        part = images[start : start + block]
        x = np.zeros((block, 3, height, width), np.float32)  # a full block, so that no result depends on the others
        x[: len(part)] = to_float(part)
        rows[start : start + block] = network(x)[: len(part)]
    return rows


def is_batch_invariant(network: Network, columns: int) -> bool:
    """Return whether a latent gives the same bits in a small batch as in a full `BLOCK`, on this machine.

    This depends on the kernels chosen for the processor, so it is measured. A different order of summation shows in
    some of a block's thousands of values.
    """
    z = np.random.default_rng(0).standard_normal((BLOCK, columns)).astype(np.float32)
    full = network(z)
    return all(np.array_equal(network(z[-size:]), full[-size:]) for size in range(1, BLOCK))


def torch_module(weights: Path, card: dict[str, Any]) -> tuple[Any, Any]:
    """Return a network as a torch module in eval mode, and its device: a CUDA GPU if there is one."""
    torch = require("torch", "train", "the torch backend")
    safetensors = require("safetensors.torch", "train", "the torch backend")
    from facesmith.networks import build as networks

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = networks.from_card(card)
    try:
        with utf8_path(weights) as link:
            module.load_state_dict(safetensors.load_file(link))
    except Exception as error:  # the errors of safetensors and torch have no common base
        raise FacesmithError(f"{weights} does not match its card ({error}): export the model again") from None
    return networks.move_to_device(module, device, "channels_last").eval(), device


def _onnx_network(path: Path, threads: int | None) -> Network:
    session = onnx_session(path, threads=threads)
    inputs = [(source.name, source.shape) for source in session.get_inputs()]
    return _network_of_parts(inputs, lambda parts: session.run(None, parts))


def _openvino_network(path: Path, threads: int | None) -> Network:
    """Open an ONNX file with OpenVINO, which computes in bfloat16 on processors with instructions for it."""
    openvino = require("openvino", "openvino", "the openvino backend")
    cores = usable_cores()
    threads = worker_count(threads) if threads else cores
    calls = max(1, cores // threads)  # that can compute at the same time
    try:
        with utf8_path(path) as link:
            settings = {"NUM_STREAMS": calls, "INFERENCE_NUM_THREADS": calls * threads}
            model = openvino.Core().compile_model(str(link), "CPU", settings)
    except RuntimeError as error:
        raise FacesmithError(f"{path} cannot be loaded ({error}): export the model again") from None
    inputs = [(source.any_name, [size.get_max_length() for size in source.partial_shape]) for source in model.inputs]
    of_thread = threading.local()  # a request computes for one thread at a time

    def compute(parts: dict[str, Floats]) -> list[Floats]:
        if not hasattr(of_thread, "request"):
            of_thread.request = model.create_infer_request()
        results = of_thread.request.infer(parts)
        return [np.array(results[output]) for output in model.outputs]  # the next call overwrites them

    return _network_of_parts(inputs, compute)


def _network_of_parts(
    inputs: list[tuple[str, list[int]]], compute: Callable[[dict[str, Floats]], Sequence[Floats]]
) -> Network:
    """Return a network of one array from one of named ``inputs``, each with its shape.

    The parts of latents are inputs of their own since version 0.2. The earlier z has all of them.
    """
    names = [name for name, _ in inputs]
    sizes = [shape[1] for _, shape in inputs] if len(inputs[0][1]) == 2 else []

    def run(batch: Floats) -> Floats:
        if sizes and batch.shape[1] < sum(sizes):  # a missing residual latent is zero
            batch = np.pad(batch, ((0, 0), (0, sum(sizes) - batch.shape[1])))
        parts = np.split(batch, np.cumsum(sizes)[:-1], axis=1) if len(sizes) > 1 else [batch]
        outputs = compute(dict(zip(names, parts, strict=True)))
        return np.asarray(outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=1))

    return run


def _torch_network(module: Any, device: Any) -> Network:
    torch = require("torch", "train", "the torch backend")

    def run(batch: Floats) -> Floats:
        with torch.inference_mode():
            output: Floats = module(torch.from_numpy(batch).to(device)).float().cpu().numpy()
        return output

    return run


def logistic(x: Doubles) -> Doubles:
    """Return 1 / (1 + e^-x), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
