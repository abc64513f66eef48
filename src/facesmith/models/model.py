"""The model: a generator with, optionally, an encoder and attribute directions. Loading it runs no code of the folder.

model = facesmith.load("models/faces")
faces = model.sample(16, seed=1)          # 16 x H x W x 3, uint8
z = model.encode(faces)                   # 16 latents, if the model has an encoder
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from facesmith.arrays import Images, Latents
from facesmith.errors import FacesmithError, did_you_mean
from facesmith.images.grid import face_sheet
from facesmith.images.notebook import object_html
from facesmith.images.pixels import to_uint8
from facesmith.images.provenance import encode_image, marked_image
from facesmith.models.base import (
    BLOCK,
    LoadedModel,
    Network,
    is_batch_invariant,
    load_folder,
    open_network,
    run_on_images,
    torch_module,
)
from facesmith.models.directions import Directions, read_directions
from facesmith.models.folder import DEFAULT_MODEL


class Model(LoadedModel):
    """A trained generator, with an encoder and attribute directions if its folder has them; see `load`.

    ``block`` is how many faces must be computed together so that each is identical to the one that `sample` makes. With
    16, a face must be computed among 16 latents, at the position of its index modulo 16. With 1, `generate` returns the
    same bits for a single latent as for 16, and is much faster. It is 16 until `measure_block` finds 1.
    """

    kind = "generator"

    def __init__(self, path: Path, card: dict[str, Any], backend: str = "onnx", threads: int | None = None) -> None:
        super().__init__(path, card, backend, threads)
        self.network = self._open(self.folder.onnx, self.folder.weights, card["network"])
        self.block = BLOCK

    def _repr_html_(self) -> str:
        """Return a table of facts and eight generated faces, for notebooks."""
        facts = {
            "images": "{} x {} pixels".format(*self.size),
            "latent size": self.latent_size,
            "parameters": f"{self.card['parameters']:,}",
            "data": self.card.get("dataset", {}).get("source", {}).get("name"),
            "terms": self.terms,
            "encoder": "yes" if "encoder" in self.card else "no",
            "attributes as input": ", ".join(self.conditions) or "none",
            "attribute directions": ", ".join(self.directions.names) if self.card.get("directions") else "none",
        }
        return object_html(
            f"Model {self.name}", facts, [encode_image(face_sheet(self.sample(8)), "PNG", self.marks(seed=0))]
        )

    @property
    def latent_size(self) -> int:
        return int(self.card["network"]["latent_size"])

    @property
    def detail_size(self) -> int:
        """The size of the residual latent that the encoder appends to z, or 0; generated faces have none."""
        return int(self.card.get("encoder", {}).get("detail_size", 0))

    def measure_block(self) -> None:
        """Set `block` to 1 if, on this machine, the bits of a face do not depend on the number of latents in a call.

        It computes 136 faces.
        """
        if is_batch_invariant(self.network, self.latent_size):
            self.block = 1

    @property
    def conditions(self) -> list[str]:
        """The attributes that are an input of the generator: the last columns of its z, see `condition`."""
        return list(self.card.get("conditions", []))

    def latents(self, count: int, seed: int = 0, *, start: int = 0) -> Latents:
        """Return latents ``start`` to ``start + count`` of a seed (count x latent_size).

        Each depends only on its seed and index. The attributes in `conditions` are left unspecified (0).
        """
        check_draw(count, seed, start)
        draw = _uniform if self.card["latent"] == "uniform" else _normal
        z = np.zeros((count, self.latent_size), np.float32)
        size = self.latent_size - len(self.conditions)
        for row, index in enumerate(range(start, start + count)):
            z[row, :size] = draw(np.random.default_rng([seed, index]), size)
        return z

    def condition(self, z: Latents, attributes: Sequence[str]) -> Latents:
        """Return latents of faces with these ``attributes``: "Smiling" with it, "~Smiling" without it.

        Other attributes keep their values: +1 with the attribute, -1 without it, 0 unspecified. Raises `FacesmithError`
        for an attribute that is not in `conditions`, and for one that is passed twice.
        """
        z, seen = np.array(z, np.float32), set[str]()
        for text in attributes:
            name = text.removeprefix("~")
            if not self.conditions:
                raise FacesmithError(f"{self.name} does not take attributes as input: use a different model")
            if name not in self.conditions:
                raise FacesmithError(
                    f"{self.name} does not take the attribute {name!r} as input: {did_you_mean(name, self.conditions)}"
                )
            if name in seen:
                raise FacesmithError(f"the attribute {name} is set twice: choose one value")
            seen.add(name)
            column = self.latent_size - len(self.conditions) + self.conditions.index(name)
            z[:, column] = -1.0 if text.startswith("~") else 1.0
        return z

    @overload
    def sample(
        self,
        count: int,
        seed: int = 0,
        *,
        truncation: float = 1.0,
        start: int = 0,
        attributes: Sequence[str] = (),
        pil: Literal[False] = False,
    ) -> Images: ...
    @overload
    def sample(
        self,
        count: int,
        seed: int = 0,
        *,
        truncation: float = 1.0,
        start: int = 0,
        attributes: Sequence[str] = (),
        pil: Literal[True],
    ) -> list[Image.Image]: ...
    def sample(
        self,
        count: int,
        seed: int = 0,
        *,
        truncation: float = 1.0,
        start: int = 0,
        attributes: Sequence[str] = (),
        pil: bool = False,
    ) -> Images | list[Image.Image]:
        """Return faces ``start`` to ``start + count`` of a seed: uint8, count x H x W x 3, or PIL images with ``pil``,
        which are saved with marks that say how they were made.

        Face i of a seed has the same bits for every ``count`` and ``start``. ``truncation`` ψ scales latents towards
        the mean: 1 gives the same variety as in training, lower values give more typical faces, 0 gives a single face.
        ``attributes`` are requested from the generator, if it is conditioned on any: "Smiling" or "~Smiling", see
        `condition`.
        """
        blocks = list(self.stream(count, seed, truncation=truncation, start=start, attributes=attributes))
        images = np.concatenate(blocks) if blocks else np.zeros((0, *self.size[::-1], 3), np.uint8)
        if pil:
            pairs = enumerate(images, start)
            return [marked_image(image, self.marks(seed=seed, index=index)) for index, image in pairs]
        return images

    def stream(
        self, count: int, seed: int = 0, *, truncation: float = 1.0, start: int = 0, attributes: Sequence[str] = ()
    ) -> Iterator[Images]:
        """Yield the faces of `sample` in blocks, for counts that do not fit in memory."""
        check_draw(count, seed, start, truncation)
        for block in range(start // BLOCK, -(-(start + count) // BLOCK)):
            first = block * BLOCK
            z = self.latents(BLOCK, seed, start=first) * np.float32(truncation)
            images = self.generate(self.condition(z, attributes))
            yield images[max(start - first, 0) : start + count - first]

    @overload
    def generate(self, z: ArrayLike, *, pil: Literal[False] = False) -> Images: ...
    @overload
    def generate(self, z: ArrayLike, *, pil: Literal[True]) -> list[Image.Image]: ...
    def generate(self, z: ArrayLike, *, pil: bool = False) -> Images | list[Image.Image]:
        """Return the faces of latents (N x latent_size, or one): uint8, N x H x W x 3, or PIL images with ``pil``.

        Latents of photos may include the residual latent of `encode`: N x (latent_size + detail_size).
        """
        latents = np.atleast_2d(np.asarray(z, np.float32))
        sizes = sorted({self.latent_size, self.latent_size + self.detail_size})
        if latents.ndim != 2 or latents.shape[1] not in sizes:
            shapes = " or ".join(f"(N, {size})" for size in sizes)
            raise FacesmithError(f"{self.name} takes latents of shape {shapes}, not {latents.shape}")
        if not np.isfinite(latents).all():
            raise FacesmithError("invalid latents: every value must be finite")
        images = to_uint8(self.network(latents))
        return [marked_image(image, self.marks()) for image in images] if pil else images

    def encode(self, images: Images) -> Latents:
        """Return the latents of images (uint8, N x H x W x 3, or one of them): N x (latent_size + detail_size).

        The first ``latent_size`` values are the z that the encoder predicts. The rest is the residual latent, which is
        added inside the generator and reconstructs a photo more closely than any z. Images have the model's size and
        the crop of its dataset; `crop_faces` makes them from any photo. Raises `FacesmithError` for a model without an
        encoder and for images of a different size.
        """
        columns = self.latent_size + self.detail_size
        return run_on_images(self._encoder, images, self.size, columns, f"the encoder of {self.name}")

    @cached_property
    def _encoder(self) -> Network:
        if "encoder" not in self.card:
            raise FacesmithError(
                f"{self.name} has no encoder: train one with facesmith train encoder DATASET RUN --model MODEL, "
                "then facesmith export RUN NEW_MODEL"
            )
        return self._open(self.folder.encoder_onnx, self.folder.encoder_weights, self.card["encoder"]["network"])

    @cached_property
    def directions(self) -> Directions:
        """The attribute directions of its latents. Raises `FacesmithError` if the model has none; `fit_directions` adds
        them."""
        return read_directions(self.path, self.card)

    def torch_generator(self) -> tuple[Any, Any]:
        """Return the generator as a torch module in eval mode, and its device."""
        return torch_module(self.folder.weights, self.card["network"])

    def _open(self, onnx: Path, weights: Path, card: dict[str, Any]) -> Network:
        return open_network(self.backend, onnx, weights, card, self.threads)


def load(
    model: str | Path = DEFAULT_MODEL, backend: str = "onnx", *, threads: int | None = None, quiet: bool = False
) -> Model:
    """Load a generator, with its encoder and directions if it has them.

    Args:
        model: a model folder, the name of an included model, or a hub id ``owner/name`` of the same layout. A folder
            takes precedence over an included model of the same name.
        backend: "onnx" (ONNX Runtime on the CPU), "openvino" (faster on the CPU, in bfloat16 where the processor has
            instructions for it), or "torch" (the safetensors weights, on a GPU if there is one). All generate the same
            faces up to rounding; bfloat16 changes a few values by several grey levels.
        threads: the threads of ONNX Runtime or OpenVINO, by default one per core.
        quiet: do not print the terms of an included model whose use is restricted.

    Raises `FacesmithError` for a folder that is not a model, an unknown version, and weights that do not fit the card.
    """
    return load_folder(Model, model, backend, threads, quiet)


def as_model(model: str | Path | Model, *, quiet: bool = False) -> Model:
    """Return the model itself, loaded if it is named by a folder, a name or a hub id."""
    return model if isinstance(model, Model) else load(model, quiet=quiet)


def check_draw(count: int, seed: int, start: int, truncation: float = 1.0) -> None:
    """Raise `FacesmithError` for an invalid argument of `Model.sample`."""
    for name, value in (("count", count), ("seed", seed), ("start", start)):
        if value < 0:
            raise FacesmithError(f"invalid {name} {value}: expected 0 or more")
    if not 0 <= truncation <= 2:
        raise FacesmithError(
            f"invalid truncation {truncation:g}: expected 0 (always the mean face) to 2; 1 gives the same variety as "
            "in training"
        )


def _normal(rng: np.random.Generator, size: int) -> Latents:
    return rng.standard_normal(size, np.float32)


def _uniform(rng: np.random.Generator, size: int) -> Latents:
    return rng.random(size, np.float32) * 2 - 1
