"""Memorisation: do generated faces lie nearer to training faces than real faces do that were never trained on?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.metrics.neighbours import Features, nearest
from facesmith.metrics.reference import Reference

NEAREST = 5  # training faces shown beside a face
AROUND = 50  # training faces whose mean distance says what is usual around a face
NEAR = 0.01  # the share of real faces whose nearest training face counts as near
SUSPICIOUS = 3 * NEAR  # a share of generated faces with one so near is more than chance gives


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each of N faces its 5 nearest training faces: ``distances``, nearest first, and ``rows``, both N x 5.

    Distances are relative to the mean distance of the 50 nearest, as Carlini et al., arXiv:2301.13188, compare them: a
    copy stands out from all else around it, whereas plain faces are near to many and copies of none.
    """

    distances: NDArray[np.float64]
    rows: NDArray[np.int64]

    def first(self, count: int) -> NDArray[np.int64]:
        """The faces that have the nearest training faces, the nearest of all first."""
        return self.distances[:, 0].argsort(kind="stable")[:count]


@dataclass(frozen=True, eq=False)
class Memorisation:
    """``share`` of the generated faces have a training face nearer than ``threshold``, as 1 % of the real ones have.

    ``shared`` real faces are in the training set themselves; of them the next nearest counts.
    """

    generated: Neighbours
    real: Neighbours
    threshold: float
    share: float
    shared: int

    @property
    def verdict(self) -> str:
        """What the share says: more than three times as many as by chance are suspicious."""
        return "some may be copies" if self.share > SUSPICIOUS else "no sign of memorised faces"

    def sentence(self, training: Dataset) -> str:
        """What was found, in words."""
        held_out = "real ones" if self.shared else "held-out real ones"
        shared = f" {self.shared:,} of the real faces are in it themselves: of them the next nearest counts."
        return (
            f"{self.share:.1%} of the generated faces lie as near to one of the {len(training):,} faces of "
            f"{training.path.name} as only {NEAR:.0%} of the {held_out} do, and chance gives {NEAR:.0%} (nearer than "
            f"{self.threshold:.0%} of the mean distance to the {AROUND} nearest): {self.verdict}."
            f"{shared if self.shared else ''}"
        )


def memorisation(
    generated: Features, real: Features, pictures: NDArray[np.uint8], training: Dataset, known: Reference
) -> Memorisation:
    """Compare generated and real features with those ``known`` of a training set; ``pictures`` are the real faces."""
    around = min(AROUND, len(known.rows) - 1)
    distances, which = nearest(generated, known.features, around)
    made = _relative(distances, known.rows[which])
    distances, which = nearest(real, known.features, around + 1)
    closest = zip(pictures, known.rows[which[:, 0]], strict=True)
    same = np.array([np.array_equal(face, training.images[row]) for face, row in closest])
    kept = same.astype(np.int64)[:, None] + np.arange(around)
    there = _relative(np.take_along_axis(distances, kept, 1), known.rows[np.take_along_axis(which, kept, 1)])
    threshold = float(np.quantile(there.distances[:, 0], NEAR))
    return Memorisation(made, there, threshold, float((made.distances[:, 0] < threshold).mean()), int(same.sum()))


def _relative(distances: NDArray[np.float64], rows: NDArray[np.int64]) -> Neighbours:
    usual = np.maximum(distances.mean(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return Neighbours((distances / usual)[:, :NEAREST], rows[:, :NEAREST])
