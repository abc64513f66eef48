"""The model folder: a generator that anyone can load, with or without torch, and nothing in it that can run code.

model = facesmith.load("models/faces")
faces = model.sample(16, seed=1)          # 16 x H x W x 3, uint8
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import check_version, read_json
from facesmith.hub import client, one_sentence, places
from facesmith.progress import tell
from facesmith.shipped import DEFAULT, shipped_folder, shipped_models

FORMAT, VERSION = "facesmith-model", 1
CARD, WEIGHTS, ONNX = "model.json", "generator.safetensors", "generator.onnx"
HUB_FILES = ["*.json", "*.safetensors", "*.onnx", "README.md"]

# Faces are always computed in these same blocks of consecutive indices. Arithmetic in another batch size may round
# otherwise; in the same block at the same place it cannot, so face i of a seed is the same face in any run.
BLOCK = 16

Pictures = NDArray[np.uint8]
Backend = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Model:
    """A trained generator. Made by `load`; ``card`` is what its model.json says."""

    def __init__(self, path: Path, card: dict[str, Any], backend: Backend) -> None:
        self.path, self.card, self._backend = path, card, backend

    def __repr__(self) -> str:
        width, height = self.size
        return f"<facesmith.Model {self.name!r} {width}x{height} {self.digest[:12]}>"

    @property
    def name(self) -> str:
        return str(self.card["name"])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        width, height = self.card["network"]["size"]
        return width, height

    @property
    def latent_size(self) -> int:
        return int(self.card["network"]["latent_size"])

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: two models with the same digest make the same faces."""
        return str(self.card["digest"])

    def latents(self, count: int, seed: int = 0, *, start: int = 0) -> NDArray[np.float32]:
        """Latents ``start`` to ``start + count`` of a seed (count x latent_size), each drawn by seed and index."""
        _check_draw(count, seed, start)
        draw = _uniform if self.card["latent"] == "uniform" else _normal
        drawn = [draw(np.random.default_rng([seed, index]), self.latent_size) for index in range(start, start + count)]
        return np.stack(drawn) if drawn else np.zeros((0, self.latent_size), np.float32)

    @overload
    def sample(
        self, count: int, seed: int = 0, *, truncation: float = 1.0, start: int = 0, pil: Literal[False] = False
    ) -> Pictures: ...
    @overload
    def sample(
        self, count: int, seed: int = 0, *, truncation: float = 1.0, start: int = 0, pil: Literal[True]
    ) -> list[Image.Image]: ...
    def sample(
        self, count: int, seed: int = 0, *, truncation: float = 1.0, start: int = 0, pil: bool = False
    ) -> Pictures | list[Image.Image]:
        """Faces ``start`` to ``start + count`` of a seed: uint8, count x H x W x 3, or PIL images on request.

        Face i of a seed is the same to the bit whatever ``count`` and ``start`` are. ``truncation`` ψ pulls latents
        towards the mean: 1 is as trained, less is more ordinary and more regular, 0 is one face.
        """
        blocks = list(self.stream(count, seed, truncation=truncation, start=start))
        pictures = np.concatenate(blocks) if blocks else np.zeros((0, *self.size[::-1], 3), np.uint8)
        return [Image.fromarray(picture) for picture in pictures] if pil else pictures

    def stream(self, count: int, seed: int = 0, *, truncation: float = 1.0, start: int = 0) -> Iterator[Pictures]:
        """The faces of `sample` a few at a time, for counts that do not fit in memory."""
        _check_draw(count, seed, start)
        if not 0 <= truncation <= 2:
            raise FacesmithError(f"truncation {truncation:g} is not between 0 (one mean face) and 2 (1 is as trained)")
        for block in range(start // BLOCK, -(-(start + count) // BLOCK)):
            first = block * BLOCK
            pictures = self.generate(self.latents(BLOCK, seed, start=first) * np.float32(truncation))
            yield pictures[max(start - first, 0) : start + count - first]

    @overload
    def generate(self, z: ArrayLike, *, pil: Literal[False] = False) -> Pictures: ...
    @overload
    def generate(self, z: ArrayLike, *, pil: Literal[True]) -> list[Image.Image]: ...
    def generate(self, z: ArrayLike, *, pil: bool = False) -> Pictures | list[Image.Image]:
        """The faces of latents (N x latent_size, or one of them): uint8, N x H x W x 3, or PIL images on request."""
        latents = np.atleast_2d(np.asarray(z, np.float32))
        if latents.ndim != 2 or latents.shape[1] != self.latent_size:
            raise FacesmithError(f"{self.name} takes latents of shape (N, {self.latent_size}), not {latents.shape}")
        if not np.isfinite(latents).all():
            raise FacesmithError("a latent holds numbers that are not finite: every one must be an ordinary number")
        pictures = self._backend(latents).transpose(0, 2, 3, 1)
        made = np.clip(np.rint(pictures * 127.5 + 127.5), 0, 255).astype(np.uint8)
        return [Image.fromarray(picture) for picture in made] if pil else made


def load(model: str | Path = DEFAULT, backend: str = "onnx", *, quiet: bool = False) -> Model:
    """Load a model folder, a model that comes with facesmith by its name, or a hub id ``owner/name`` of that layout.

    A model folder here goes before a shipped model of its name. One trained on photos that restrict its use says so in
    a line on stderr, unless ``quiet``. ``backend`` is "onnx" (ONNX Runtime on the CPU; needs no torch) or "torch" (the
    safetensors weights, on a GPU if there is one); both make the same faces but for the last bit of rounding. Raises
    `FacesmithError` for a folder that is not a model, an unknown version, or weights that do not fit the card.
    """
    if backend not in ("onnx", "torch"):
        raise FacesmithError(f"backend {backend!r} is not one: use onnx or torch")
    path = Path(model)
    # A dataset may well be called celeba64: only a model of that name stands before the shipped one.
    shipped = None if (path / CARD).is_file() else shipped_folder(str(model))
    if shipped is not None:
        path = shipped
    elif not path.exists() and _looks_like_hub_id(str(model)):
        path = _from_hub(str(model))
    if not (path / CARD).is_file():
        what = "has no model.json" if path.is_dir() else "does not exist"
        names = ", ".join(shipped_models())
        raise FacesmithError(
            f"{path} is not a model folder, it {what}: make one with facesmith export RUN MODEL"
            + (f", or take one that comes with facesmith ({names})" if names else "")
        )
    card = read_json(path / CARD, "a model's card")
    check_version(card, FORMAT, VERSION, path / CARD)
    if shipped is not None and not quiet and card["dataset"]["source"]["kind"] == "celeba":
        tell(f"{model} was trained on CelebA: {card['terms']}")
    return Model(path, card, _onnx(path) if backend == "onnx" else _torch(path, card))


def _onnx(path: Path) -> Backend:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # warnings about missing GPUs are no news to anyone
    try:
        session = onnxruntime.InferenceSession(str(path / ONNX), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base but this one
        raise FacesmithError(f"{path / ONNX} cannot be loaded ({error}): export the model again") from None

    def run(z: NDArray[np.float32]) -> NDArray[np.float32]:
        (pictures,) = session.run(None, {"z": z})
        return np.asarray(pictures)

    return run


def _torch(path: Path, card: dict[str, Any]) -> Backend:
    torch = require("torch", "train", "the torch backend")
    safetensors = require("safetensors.torch", "train", "the torch backend")
    from facesmith.networks import families

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = families.from_card(card["network"])
    try:
        net.load_state_dict(safetensors.load_file(path / WEIGHTS))
    except Exception as error:  # safetensors' and torch's errors have no common base
        raise FacesmithError(f"{path / WEIGHTS} does not fit its card ({error}): export the model again") from None
    net = families.place(net, device, "channels_last").eval()

    def run(z: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            pictures: NDArray[np.float32] = net(torch.from_numpy(z).to(device)).float().cpu().numpy()
        return pictures

    return run


def _looks_like_hub_id(text: str) -> bool:
    owner, slash, name = text.partition("/")
    return bool(slash) and bool(owner.strip(".~")) and bool(name) and "/" not in name and "\\" not in text


def _from_hub(repository: str) -> Path:
    try:
        hub = client("loading a model from the hub")
        with one_sentence(repository):
            return Path(hub.snapshot_download(repository, allow_patterns=HUB_FILES, **places()))
    except FacesmithError as error:
        raise FacesmithError(f"there is no model folder {repository} here, and {error}") from None


def _check_draw(count: int, seed: int, start: int) -> None:
    for name, value in (("count", count), ("seed", seed), ("start", start)):
        if value < 0:
            raise FacesmithError(f"{name} is {value}: it cannot be negative")


def _normal(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    return rng.standard_normal(size, np.float32)


def _uniform(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    return rng.random(size, np.float32) * 2 - 1
