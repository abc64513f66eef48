"""The model folder: a generator that anyone can load, with or without torch, and nothing in it that can run code.

model = facesmith.load("models/faces")
faces = model.sample(16, seed=1)          # 16 x H x W x 3, uint8
z = model.encode(faces)                   # 16 latents, where the model has an encoder
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json
from facesmith.hub import client, one_sentence, places
from facesmith.images.pixels import to_uint8
from facesmith.models import backends
from facesmith.models.backends import BLOCK
from facesmith.models.base import Trained
from facesmith.models.included import DEFAULT, included_folder, included_models
from facesmith.progress import tell

if TYPE_CHECKING:
    from facesmith.latent.directions import Directions

FORMAT, VERSION = "facesmith-model", 1
CARD, WEIGHTS, ONNX = "model.json", "generator.safetensors", "generator.onnx"
ENCODER_WEIGHTS, ENCODER_ONNX = "encoder.safetensors", "encoder.onnx"
HUB_FILES = ["*.json", "*.safetensors", "*.onnx", "README.md"]

Pictures = NDArray[np.uint8]
Latents = NDArray[np.float32]


class Model(Trained):
    """A trained generator, and with it an encoder and attribute directions where its folder has them.

    Made by `load`; ``card`` is what its model.json says, ``backend`` is "onnx" or "torch".
    """

    def __init__(self, path: Path, card: dict[str, Any], backend: str, threads: int | None = None) -> None:
        super().__init__(path, card)
        self.backend, self.threads = backend, threads
        self._backend = backends.network(backend, path / ONNX, path / WEIGHTS, card["network"], threads)

    def __repr__(self) -> str:
        width, height = self.size
        return f"<facesmith.Model {self.name!r} {width}x{height} {self.digest[:12]}>"

    @property
    def latent_size(self) -> int:
        return int(self.card["network"]["latent_size"])

    @property
    def detail_size(self) -> int:
        """How many numbers its encoder adds to a z, 0 for none: what is so in a photo and in no generated face."""
        return int(self.card.get("encoder", {}).get("detail_size", 0))

    @cached_property
    def block(self) -> int:
        """How many faces must be computed together so that each is, to the bit, the one that `sample` makes: 1 or 16.

        1 is for whoever wants a face at once: `generate` of its latent, alone or with up to 15 others, then makes it in
        a fraction of the time. It is found by trying, at the price of 136 faces, where it is first asked for.
        With 16 a face has to be computed among 16 latents, at its own place, which is its index modulo 16.
        """
        return 1 if backends.rows_stand_alone(self._backend, self.latent_size) else BLOCK

    def latents(self, count: int, seed: int = 0, *, start: int = 0) -> Latents:
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
        """The faces of latents (N x latent_size, or one of them): uint8, N x H x W x 3, or PIL images on request.

        The latents of photos may go on with the detail of `encode`: N x (latent_size + detail_size).
        """
        latents = np.atleast_2d(np.asarray(z, np.float32))
        sizes = sorted({self.latent_size, self.latent_size + self.detail_size})
        if latents.ndim != 2 or latents.shape[1] not in sizes:
            wanted = " or ".join(f"(N, {size})" for size in sizes)
            raise FacesmithError(f"{self.name} takes latents of shape {wanted}, not {latents.shape}")
        if not np.isfinite(latents).all():
            raise FacesmithError("a latent holds numbers that are not finite: every one must be an ordinary number")
        made = to_uint8(self._backend(latents))
        return [Image.fromarray(picture) for picture in made] if pil else made

    def encode(self, pictures: Pictures) -> Latents:
        """The latents of pictures (uint8, N x H x W x 3, or one of them): N x (latent_size + detail_size).

        The first ``latent_size`` numbers are the z that the model's encoder takes the face to come from; what follows
        is added inside the generator, and brings it nearer to a photo than any z does. Pictures have the model's size,
        and were cut as its dataset cuts them (`crop_faces` does it to any photo). Raises `FacesmithError` for a model
        without an encoder and for pictures of another size.
        """
        columns = self.latent_size + self.detail_size
        return backends.of_pictures(self._encoder, pictures, self.size, columns, f"{self.name} encodes")

    @cached_property
    def _encoder(self) -> backends.Backend:
        if "encoder" not in self.card:
            raise FacesmithError(
                f"{self.name} has no encoder: fit one with facesmith train encoder DATASET RUN --model MODEL, "
                "then facesmith export RUN NEW_MODEL"
            )
        card = self.card["encoder"]["network"]
        return backends.network(self.backend, self.path / ENCODER_ONNX, self.path / ENCODER_WEIGHTS, card, self.threads)

    @cached_property
    def directions(self) -> "Directions":
        """The attribute directions of its latents; `FacesmithError` where `fit_directions` has made none."""
        from facesmith.latent.directions import load_directions

        return load_directions(self.path, self.card)


def load(
    model: str | Path = DEFAULT, backend: str = "onnx", *, threads: int | None = None, quiet: bool = False
) -> Model:
    """Load a model folder, a model that comes with facesmith by its name, or a hub id ``owner/name`` of that layout.

    A model folder here goes before a shipped model of its name. One trained on photos that restrict its use says so in
    a line on stderr, unless ``quiet``. ``backend`` is "onnx" (ONNX Runtime on the CPU; needs no torch) or "torch" (the
    safetensors weights, on a GPU if there is one); both make the same faces but for the last bit of rounding. ONNX
    Runtime computes with that many ``threads``, by default one for every core. Raises `FacesmithError` for a folder
    that is not a model, an unknown version, or weights that do not fit the card.
    """
    if backend not in backends.BACKENDS:
        raise FacesmithError(f"backend {backend!r} is not one: use onnx or torch")
    path = Path(model)
    # A dataset may well be called celeba64: only a model of that name stands before the shipped one.
    shipped = None if (path / CARD).is_file() else included_folder(str(model), CARD)
    if shipped is not None:
        path = shipped
    elif not path.exists() and _looks_like_hub_id(str(model)):
        path = _from_hub(str(model))
    if not (path / CARD).is_file():
        what = "has no model.json" if path.is_dir() else "does not exist"
        names = ", ".join(included_models())
        raise FacesmithError(
            f"{path} is not a model folder, it {what}: make one with facesmith export RUN MODEL"
            + (f", or take one that comes with facesmith ({names})" if names else "")
        )
    card = read_json(path / CARD, "a model's card")
    check_version(card, FORMAT, VERSION, path / CARD)
    if shipped is not None and not quiet and card["dataset"]["source"]["kind"] == "celeba":
        tell(f"{model} was trained on CelebA: {card['terms']}")
    return Model(path, card, backend, threads)


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


def _normal(rng: np.random.Generator, size: int) -> Latents:
    return rng.standard_normal(size, np.float32)


def _uniform(rng: np.random.Generator, size: int) -> Latents:
    return rng.random(size, np.float32) * 2 - 1
