"""Held-out photos of CelebA for measuring makeovers: whole photos, crops, labels, and the region of the face."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edit_search import predictions
from harness import spread
from identity_similarity import similarity
from numpy.typing import NDArray

import facesmith
from facesmith.arrays import Booleans, Floats, Images, Integers
from facesmith.data.filters import TOKEN
from facesmith.images.align import anchor_points
from facesmith.images.blend import blend_face
from facesmith.images.decode import decode_full_size
from facesmith.images.face_crop import FaceCrop, crop_faces, face_region
from facesmith.metrics.identity import SFace
from facesmith.metrics.similarity import PEAK
from facesmith.tasks.makeover.domains import Domains

ROOT, ALIGNED = "CELEBA_ROOT", "img_align_celeba"


@dataclass(frozen=True, eq=False)
class MakeoverTrial:
    """Whole photos (N x 218 x 178 x 3) and their crops, with measurements before the makeover."""

    classifier: facesmith.AttributeClassifier
    aims: dict[str, bool]  # attribute values of the target
    sface: SFace
    photos: Images
    crops: list[FaceCrop]
    landmarks: Floats  # N x 5 x 2, of eyes, nose and mouth in the photos
    vectors: Floats  # N x 128
    outside: Booleans  # N x H x W, where in its crop no face is

    @property
    def before(self) -> Images:
        """Return the unchanged crops: N x H x W x 3."""
        return np.stack([crop.image for crop in self.crops])

    def hits(self, makeover: facesmith.Makeover, direction: str, strength: float) -> float:
        """Return the share of results that the classifier predicts as the target."""
        images = self._whole(makeover.apply(self.before, direction, strength))
        return float(target_share(self.classifier, self.aims, images)["target"])

    def outcome(self, makeover: facesmith.Makeover, direction: str, strength: float) -> tuple[dict[str, Any], Images]:
        """Return the measures of a makeover of this strength, and its crops: N x H x W x 3.

        Shares are those of `target_share`; ``identity`` is the similarity of the photos before and after; ``moved`` is
        the mean absolute change of the crops, from 0 to 1, and ``moved_outside`` that outside the faces;
        ``psnr_outside`` is that of all pixels outside the faces, None if none changed.
        """
        after = makeover.apply(self.before, direction, strength)
        whole = self._whole(after)
        change = (after.astype(np.float64) - self.before) / PEAK
        error = float((change[self.outside] ** 2).mean())
        return {
            **target_share(self.classifier, self.aims, whole),
            "identity": spread(similarity(self.vectors, self.sface.vectors(whole, self.landmarks))),
            "psnr_outside": -10 * np.log10(error) if error else None,
            "moved_outside": float(np.abs(change[self.outside]).mean()),
            "moved": float(np.abs(change).mean()),
        }, after

    def _whole(self, after: Images) -> Images:
        return np.stack([blend_face(*each) for each in zip(self.photos, self.crops, after, strict=True)])


def prepare(
    data: facesmith.Dataset,
    rows: Integers,
    classifier: facesmith.AttributeClassifier,
    aims: dict[str, bool],
    sface: SFace,
) -> MakeoverTrial:
    """Return the trial of these rows of a dataset."""
    photos = original_photos(data, rows)
    crops = [crop_faces(photo, data.card)[0] for photo in photos]
    if np.abs(crops[0].image.astype(int) - data.images[rows[0]]).mean() > 1:
        sys.exit(f"{data.path} was not imported from the photos in ${ROOT}")
    landmarks = sface.landmarks(photos, 1)
    return MakeoverTrial(
        classifier,
        aims,
        sface,
        photos,
        crops,
        landmarks,
        sface.vectors(photos, landmarks),
        outside_faces(landmarks, crops),
    )


def original_photos(data: facesmith.Dataset, rows: NDArray[Any]) -> Images:
    """Return the photos of CelebA from which these rows were cropped: N x 218 x 178 x 3."""
    if ROOT not in os.environ:
        sys.exit(f"{ROOT} is not set: set it to the folder that contains {ALIGNED}")
    folder = Path(os.environ[ROOT]) / ALIGNED
    files = data.metadata()["file"].take(rows).to_pylist()
    return np.stack([decode_full_size(str(folder / Path(file).name)) for file in files])


def outside_faces(landmarks: Floats, crops: Sequence[FaceCrop]) -> Booleans:
    """Return where crops show no face (N x H x W), by the landmarks in their photos (N x 5 x 2)."""
    return np.stack(
        [
            ~face_region(anchor_points(points), crop.transform, (crop.image.shape[1], crop.image.shape[0]))
            for points, crop in zip(landmarks, crops, strict=True)
        ]
    )


def target_attributes(
    data: facesmith.Dataset, classifier: facesmith.AttributeClassifier, domains: Domains
) -> dict[str, bool]:
    """Return the attributes that define a direction's target, with their values.

    They are named by the target's expression, equal in all target faces, and different in some source faces.
    """
    names, values = data.attributes, data.attribute_values()
    expression = domains.direction.target
    named = {result["word"] or result["double"] or result["single"] for result in TOKEN.finditer(expression)}
    source = values[np.concatenate([domains.sources, domains.held_out_sources])]
    target = values[np.concatenate([domains.targets, domains.held_out_targets])]
    shared = (target == target[0]).all(0) & (target[0] >= 0) & ~(source == target[0]).all(0)
    aims = {name: bool(target[0, column]) for column, name in enumerate(names) if shared[column] and name in named}
    if not aims or not aims.keys() <= {*classifier.attributes}:
        sys.exit(
            f"{expression!r} requires {', '.join(aims) or 'nothing'}, which "
            f"{classifier.name} does not predict: use another classifier"
        )
    return aims


def target_share(classifier: facesmith.AttributeClassifier, aims: dict[str, bool], photos: Images) -> dict[str, Any]:
    """Return ``target``, the share of photos predicted as the target, and ``shares``, those per attribute."""
    crops = np.stack([crop_faces(photo, classifier.card["dataset"])[0].image for photo in photos])
    predicted = predictions(classifier, classifier.label(crops))
    right = {name: predicted[:, classifier.attributes.index(name)] == value for name, value in aims.items()}
    shares = {name: float(each.mean()) for name, each in right.items()}
    return {"target": float(np.all([*right.values()], 0).mean()), "shares": shares}
