"""The held-out photos on which makeovers are tried: whole, cut, judged, and where in them the face ends."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edit_measures import Floats, Pictures, spread, verdicts
from identity_similarity import Identity, similarity
from numpy.typing import NDArray

import facesmith
from facesmith.data.filters import TOKEN
from facesmith.images.align import anchor_points
from facesmith.images.blend import blend_face
from facesmith.images.decode import decode_full_size
from facesmith.images.face_crop import FaceCrop, crop_faces
from facesmith.images.face_region import face_region
from facesmith.metrics.similarity import PEAK
from facesmith.tasks.makeover.domains import Domains

ROOT, ALIGNED = "CELEBA_ROOT", "img_align_celeba"


@dataclass(frozen=True, eq=False)
class Trial:
    """Whole photos (N x 218 x 178 x 3), their cuts, and what is known of them before anything is made over."""

    judge: facesmith.AttributeClassifier
    wanted: dict[str, bool]  # what the judge is to say of results, by attribute
    eye: Identity
    photos: Pictures
    cuts: list[FaceCrop]
    places: Floats  # N x 5 x 2, of eyes, nose and mouth in the photos
    persons: Floats  # N x 128
    outside: NDArray[np.bool_]  # N x H x W, where in its cut no face is

    @property
    def before(self) -> Pictures:
        """The cuts as they are: N x H x W x 3."""
        return np.stack([cut.image for cut in self.cuts])

    def hits(self, makeover: facesmith.Makeover, direction: str, strength: float) -> float:
        """The share of results that the judge calls the target."""
        made = self._whole(makeover.apply(self.before, direction, strength))
        return float(judged(self.judge, self.wanted, made)["target"])

    def outcome(self, makeover: facesmith.Makeover, direction: str, strength: float) -> tuple[dict[str, Any], Pictures]:
        """What a makeover of this strength does, and the cuts it makes: N x H x W x 3.

        Shares by `judged`; ``identity``, the similarity of the photos before and after; ``moved``, the mean absolute
        change of the cuts as a share of the way from black to white, and ``moved_outside``, that outside the faces;
        ``psnr_outside``, of all pixels outside the faces together, None where none has changed.
        """
        after = makeover.apply(self.before, direction, strength)
        whole = self._whole(after)
        change = (after.astype(np.float64) - self.before) / PEAK
        error = float((change[self.outside] ** 2).mean())
        return {
            **judged(self.judge, self.wanted, whole),
            "identity": spread(similarity(self.persons, self.eye.vectors(whole, self.places))),
            "psnr_outside": -10 * np.log10(error) if error else None,
            "moved_outside": float(np.abs(change[self.outside]).mean()),
            "moved": float(np.abs(change).mean()),
        }, after

    def _whole(self, after: Pictures) -> Pictures:
        return np.stack([blend_face(*each) for each in zip(self.photos, self.cuts, after, strict=True)])


def prepare(
    data: facesmith.Dataset,
    rows: NDArray[np.int64],
    judge: facesmith.AttributeClassifier,
    wanted: dict[str, bool],
    eye: Identity,
) -> Trial:
    """A trial on these pictures of a dataset."""
    photos = originals(data, rows)
    cuts = [crop_faces(photo, data.card)[0] for photo in photos]
    if np.abs(cuts[0].image.astype(int) - data.images[rows[0]]).mean() > 1:
        sys.exit(f"{data.path} was not cut from the photos in ${ROOT}")
    places = eye.places(photos, 1)
    return Trial(judge, wanted, eye, photos, cuts, places, eye.vectors(photos, places), beyond(places, cuts))


def originals(data: facesmith.Dataset, rows: NDArray[Any]) -> Pictures:
    """The photos that these pictures of a dataset of CelebA were cut from: N x 218 x 178 x 3."""
    if ROOT not in os.environ:
        sys.exit(f"{ROOT} must name the folder that {ALIGNED} lies in")
    folder = Path(os.environ[ROOT]) / ALIGNED
    files = data.metadata()["file"].take(rows).to_pylist()
    return np.stack([decode_full_size(str(folder / Path(file).name)) for file in files])


def beyond(places: Floats, cuts: Sequence[FaceCrop]) -> NDArray[np.bool_]:
    """Where in cuts the face is not (N x H x W), by the places of eyes and mouth in their photos (N x 5 x 2)."""
    return np.stack(
        [
            ~face_region(anchor_points(points), cut.transform, (cut.image.shape[1], cut.image.shape[0]))
            for points, cut in zip(places, cuts, strict=True)
        ]
    )


def asked(data: facesmith.Dataset, judge: facesmith.AttributeClassifier, both: Domains) -> dict[str, bool]:
    """What a direction asks for, by attribute: what all of its target faces share and not all of its source faces do.

    Of what the target's expression names, that is: no woman has a moustache either, but nobody asked for that.
    """
    names, values = data.attributes, data.attribute_values()
    expression = both.direction.target
    named = {found["word"] or found["double"] or found["single"] for found in TOKEN.finditer(expression)}
    source = values[np.concatenate([both.sources, both.held_out_sources])]
    target = values[np.concatenate([both.targets, both.held_out_targets])]
    shared = (target == target[0]).all(0) & (target[0] >= 0) & ~(source == target[0]).all(0)
    wanted = {name: bool(target[0, column]) for column, name in enumerate(names) if shared[column] and name in named}
    if not wanted or not wanted.keys() <= {*judge.attributes}:
        sys.exit(f"{expression!r} asks for {', '.join(wanted) or 'nothing'}: {judge.name} cannot say who has that")
    return wanted


def judged(judge: facesmith.AttributeClassifier, wanted: dict[str, bool], photos: Pictures) -> dict[str, Any]:
    """Of whole photos: ``target``, the share of which the judge says all that is wanted; ``shares``, of which each."""
    cuts = np.stack([crop_faces(photo, judge.card["dataset"])[0].image for photo in photos])
    said = verdicts(judge, judge.label(cuts))
    right = {name: said[:, judge.attributes.index(name)] == value for name, value in wanted.items()}
    shares = {name: float(each.mean()) for name, each in right.items()}
    return {"target": float(np.all([*right.values()], 0).mean()), "shares": shares}
