"""Detect memorised faces: generated faces closer to training faces than held-out real faces are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from facesmith.arrays import Doubles, Floats, Images, Integers
from facesmith.data.dataset import Dataset
from facesmith.metrics.neighbours import nearest
from facesmith.metrics.reference import Reference

NEAREST = 5  # training faces shown for each face
NEIGHBOURHOOD = 50  # training faces whose mean distance is the unit of the distances of a face
REAL_SHARE = 0.01  # share of real faces that are closer to a training face than the threshold
MAX_SHARE = 3 * REAL_SHARE  # a larger share of generated faces is more than chance explains


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The 5 nearest training faces of each of N faces: ``distances``, nearest first, and ``rows``, both N x 5.

    Distances are relative to the mean distance of the 50 nearest training faces (Carlini et al., arXiv:2301.13188). A
    copy has one neighbour that is much closer than the others; an average face is close to many.
    """

    distances: Doubles
    rows: Integers

    def first(self, count: int) -> Integers:
        """Return the indices of the ``count`` faces closest to a training face, closest first."""
        return self.distances[:, 0].argsort(kind="stable")[:count]


@dataclass(frozen=True, eq=False)
class Memorisation:
    """The share of generated faces that are closer to a training face than ``threshold``; for real faces it is 1 %.

    ``shared`` real faces are themselves in the training set; their own image does not count as a neighbour.
    """

    generated: Neighbours
    real: Neighbours
    threshold: float
    share: float
    shared: int

    @property
    def conclusion(self) -> str:
        """State whether the share is more than three times that of real faces."""
        return "some may be copies" if self.share > MAX_SHARE else "no sign of memorised faces"

    def as_json(self, training: Dataset) -> dict[str, Any]:
        """Return the entry of `Scores.memorisation`."""
        return {
            "dataset": training.fingerprint,
            "count": len(training),
            "share": self.share,
            "threshold": self.threshold,
            "sentence": self.sentence(training),
        }

    def sentence(self, training: Dataset) -> str:
        """Return the result as a sentence."""
        real_faces = "real faces" if self.shared else "held-out real faces"
        shared = f" Real faces that are in the training set ({self.shared:,}) are not compared with themselves."
        return (
            f"{self.share:.1%} of the generated faces are as close to one of the {len(training):,} images in "
            f"{training.path.name} as the closest {REAL_SHARE:.0%} of the {real_faces}: {self.conclusion}."
            f"{shared if self.shared else ''}"
        )


def memorisation(
    generated: Floats, real: Floats, real_images: Images, training: Dataset, reference: Reference
) -> Memorisation:
    """Compare features of generated and real faces with those of a training set (``reference``).

    ``real_images`` are the images of the real faces, to recognise those that are in the training set.
    """
    size = min(NEIGHBOURHOOD, len(reference.rows) - 1)
    distances, indices = nearest(generated, reference.features, size)
    generated_neighbours = _relative(distances, reference.rows[indices])
    # One more for real faces, because the image itself may be the nearest.
    distances, indices = nearest(real, reference.features, size + 1)
    pairs = zip(real_images, reference.rows[indices[:, 0]], strict=True)
    is_shared = np.array([np.array_equal(image, training.images[row]) for image, row in pairs])
    columns = is_shared.astype(np.int64)[:, None] + np.arange(size)
    rows = reference.rows[np.take_along_axis(indices, columns, 1)]
    real_neighbours = _relative(np.take_along_axis(distances, columns, 1), rows)
    threshold = float(np.quantile(real_neighbours.distances[:, 0], REAL_SHARE))
    share = float((generated_neighbours.distances[:, 0] < threshold).mean())
    return Memorisation(generated_neighbours, real_neighbours, threshold, share, int(is_shared.sum()))


def _relative(distances: Doubles, rows: Integers) -> Neighbours:
    """Divide the distances of each face by their mean, and keep the nearest."""
    means = np.maximum(distances.mean(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return Neighbours((distances / means)[:, :NEAREST], rows[:, :NEAREST])
