"""Generated faces with labels: the requested attributes, and those that a classifier or the directions measure."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from facesmith.arrays import Floats, ImageArray, Images, Integers, Latents, Signs
from facesmith.data.labels.columns import PROBABILITY
from facesmith.data.layouts.picture import Picture
from facesmith.errors import FacesmithError, did_you_mean
from facesmith.images.provenance import encode_image
from facesmith.images.signing import SigningKey, sign
from facesmith.machine import usable_cores
from facesmith.models.attribute_scores import generated_scores
from facesmith.models.base import BLOCK
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.model import Model
from facesmith.models.requests import Probabilities, Requests, draw_latents
from facesmith.terms import combine_terms

CHUNK = 16 * BLOCK  # faces in memory at once
FORMATS: dict[str, dict[str, Any]] = {"png": {"compress_level": 6}, "jpg": {"quality": 95}, "webp": {"lossless": True}}
PILLOW_FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


@dataclass(frozen=True)
class LabelledFaces:
    """Faces of a seed with the requested attributes, labelled by a ``classifier`` or by the model's directions.

    Face i is the same for every part of the set. ``label_names`` are the attributes to label, None for all.
    """

    model: Model
    requests: Requests
    seed: int
    truncation: float
    format: str
    classifier: AttributeClassifier | None = None
    label_names: tuple[str, ...] | None = None
    signing_key: SigningKey | None = None

    @cached_property
    def terms(self) -> str:
        return combine_terms([self.model.terms, *([self.classifier.terms] if self.classifier else [])])

    @cached_property
    def measured(self) -> list[str]:
        """The attributes that the classifier or the directions measure."""
        known = self.classifier.attributes if self.classifier else self._direction_names
        return [name for name in known if self.label_names is None or name in (*self.label_names, *self.requests.names)]

    @cached_property
    def _direction_names(self) -> list[str]:
        """The attributes that the model has directions for."""
        return list(self.model.directions.names) if self.model.card.get("directions") else []

    def card(self) -> dict[str, Any]:
        """Return what the card of the set holds: all that determines the images and their labels."""
        by: dict[str, Any] | None = {"by": "directions", "digest": self.model.card.get("directions", {}).get("digest")}
        if self.classifier is not None:
            by = {"by": "classifier", "name": self.classifier.name, "digest": self.classifier.digest}
        return {
            "seed": self.seed,
            "truncation": self.truncation,
            "file_format": self.format,
            "model": self.model.name,
            "digest": self.model.digest,
            "size": list(self.model.size),
            "terms": self.terms,
            "credit": self.model.card.get("dataset", {}).get("source", {}).get("credit"),
            "with": [name if value else f"~{name}" for name, value in self.requests.fixed.items()],
            "balance": list(self.requests.balanced),
            "share": self.requests.shares,
            "inputs": [name for name in self.requests.names if name in self.model.conditions],
            "selected": [name for name in self.requests.names if name in self._selector[0]],
            "selected_by": "directions" if self._selector[0] == self._direction_names else "classifier",
            "measured": self.measured,
            "labels": by if self.measured else None,
        }

    def check(self, class_name: str | None = None) -> None:
        """Raise `FacesmithError` for what cannot be generated, before any work; ``class_name`` needs labels."""
        if self.classifier is not None and not self.classifier.takes(self.model.size):
            sizes = ["x".join(map(str, each)) for each in (self.classifier.size, self.model.size)]
            raise FacesmithError(
                f"the classifier {self.classifier.name} requires {sizes[0]} images, but {self.model.name} generates "
                f"{sizes[1]} images: use a different classifier"
            )
        unknown = [name for name in self.label_names or () if name not in [*self.measured, *self.requests.names]]
        if unknown:
            raise FacesmithError(
                f"no classifier or direction predicts {', '.join(unknown)}: pass a classifier that does"
            )
        known = dict.fromkeys([*self.requests.names, *self.measured])
        if class_name is not None and class_name not in known:
            reason = did_you_mean(class_name, known) if known else "pass a classifier that predicts it"
            raise FacesmithError(f"the faces have no labels for the layout classes:{class_name}: {reason}")
        self.draw(0, 0)

    def blocks(self, start: int, end: int) -> Iterator[tuple[Integers, Images, list[dict[str, Any]]]]:
        """Yield indices, images and rows of the faces ``start`` to ``end`` in chunks."""
        for first in range(start // BLOCK * BLOCK, end, CHUNK):
            # Whole blocks are generated, so that the same faces have the same bits in every part.
            last = min(first + CHUNK, -(-end // BLOCK) * BLOCK)
            z, latent_indices, signs = self.draw(first, last - first)
            images = np.concatenate([self.model.generate(z[at : at + BLOCK]) for at in range(0, len(z), BLOCK)])
            rows = self.rows(latent_indices, signs, self.measure(z, images))
            inside = slice(max(start - first, 0), end - first)
            yield np.arange(first, last)[inside], images[inside], rows[inside]

    def pictures(
        self, start: int, end: int, on_images: Callable[[Images], None] = lambda images: None
    ) -> Iterator[Picture]:
        """Yield the faces ``start`` to ``end`` as encoded images; ``on_images`` is called with every chunk."""
        with ThreadPoolExecutor(min(4, usable_cores())) as pool:  # compression releases the interpreter's lock
            for indices, images, rows in self.blocks(start, end):
                on_images(images)
                for index, data, row in zip(indices, pool.map(self._encode, images, rows), rows, strict=True):
                    yield Picture(f"{index:06d}.{self.format}", data, row)

    def _encode(self, image: ImageArray, row: dict[str, Any]) -> bytes:
        marks = self.model.marks(seed=self.seed, index=row["latent_index"])
        data = encode_image(Image.fromarray(image), PILLOW_FORMATS[self.format], marks, **FORMATS[self.format])
        return data if self.signing_key is None else sign(data, self.signing_key)

    def draw(self, start: int, count: int) -> tuple[Latents, Integers, Signs]:
        """Return the latents of faces, their indices in the seed, and their requests: 1, or -1 for without."""
        return draw_latents(self.model, self.requests, self.seed, start, count, self.truncation, self._selector)

    @cached_property
    def _selector(self) -> tuple[list[str], Probabilities]:
        """The attributes by which faces can be selected, and what measures them in latents.

        The directions are preferred, so that a classifier is independent of the selection.
        """
        missing = [name for name in self.requests.names if name not in [*self._direction_names, *self.model.conditions]]
        if self.classifier is not None and (missing or not self._direction_names):
            return self.classifier.attributes, self._measure_generated
        return self._direction_names, self._measure_by_directions

    def _measure_generated(self, z: Latents) -> Floats:
        assert self.classifier is not None
        return self.classifier.label(self.model.generate(z))

    def _measure_by_directions(self, z: Latents, images: Images | None = None) -> Floats:
        """Return the probabilities of `_direction_names` (N x A) for the faces of ``z``.

        Without their ``images``, the faces are generated if they are needed.
        """
        return self.model.directions.calibrate(generated_scores(self.model, z, images))

    def measure(self, z: Latents, images: Images | None = None) -> Floats:
        """Return the probabilities of `measured` (N x A). ``images`` are those of ``z``; a classifier needs them."""
        if not self.measured:
            return np.zeros((len(z), 0), np.float32)
        if self.classifier is not None and images is not None:
            names, values = self.classifier.attributes, self.classifier.label(images)
        else:
            names, values = self._direction_names, self._measure_by_directions(z, images)
        return values[:, [names.index(name) for name in self.measured]]

    def rows(self, latent_indices: Integers, signs: Signs, probabilities: Floats) -> list[dict[str, Any]]:
        """Return the row of each face in the tables of a set."""
        names, rows = self.requests.names, []
        limits: dict[str, float] = {}
        if self.classifier is not None:
            limits = dict(zip(self.classifier.attributes, map(float, self.classifier.thresholds), strict=True))
        for index, asked, measured in zip(latent_indices, signs, probabilities, strict=True):
            values = dict(zip(self.measured, (round(float(value), 4) for value in measured), strict=True))
            wanted = {name: bool(sign > 0) for name, sign in zip(names, asked, strict=True)}
            row: dict[str, Any] = {
                "seed": self.seed,
                "latent_index": int(index),
                "truncation": self.truncation,
                "model": self.model.digest,
                "terms": self.terms,
            }
            if names:
                row["with"] = [name if value else f"~{name}" for name, value in wanted.items()]
            if names or values:
                row["label_source"] = "both" if names and values else "asked" if names else "measured"
            for name in dict.fromkeys([*names, *values]):
                row[name] = values[name] >= limits.get(name, 0.5) if name in values else wanted[name]
            rows.append(row | {f"{name}{PROBABILITY}": value for name, value in values.items()})
        return rows
