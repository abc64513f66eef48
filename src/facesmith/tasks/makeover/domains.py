"""The two sides of a makeover: which of a dataset's faces are changed, and what they are to become.

Written as one setting of a recipe, several directions separated by ";":

* a preset: ``mtf``, ``ftm``, ``mtm`` or ``ftf``, the third seed's
* ``SOURCE > TARGET``, two attribute expressions as `facesmith.data.filters` reads them; called a, b, ... by place
* ``NAME: SOURCE > TARGET``, the same with a name

Nothing here imports torch.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facesmith.data.dataset import Dataset

# Glasses leave artefacts, and a goatee would take over: the seed's author leaves them out. Attractive faces are a
# narrower target, which is reached sooner.
_CLEAR = "~Blurry & ~Eyeglasses"
_MEN, _WOMEN = f"Male & {_CLEAR}", f"~Male & {_CLEAR}"
PRESETS = {
    "mtf": (_MEN, f"{_WOMEN} & Attractive"),
    "ftm": (_WOMEN, f"{_MEN} & Attractive & ~Goatee & ~Mustache & No_Beard"),
    "mtm": (_MEN, f"{_MEN} & Attractive"),
    "ftf": (_WOMEN, f"{_WOMEN} & Attractive"),
}
LEAST = 100  # faces on a side to learn from
_DIRECTION = re.compile(r"(?:(?P<name>[\w-]+)\s*:)?(?P<source>[^>:]+)>(?P<target>[^>]+)")


@dataclass(frozen=True)
class Direction:
    """From which faces to which, as attribute expressions."""

    name: str
    source: str
    target: str


@dataclass(frozen=True, eq=False)
class Sides:
    """The indices of a direction's faces: those that are learned from, and those that are held out."""

    direction: Direction
    sources: "NDArray[np.int64]"
    targets: "NDArray[np.int64]"
    held_sources: "NDArray[np.int64]"
    held_targets: "NDArray[np.int64]"

    def counts(self) -> dict[str, int]:
        """How many faces each side has, as the cards say it."""
        return {
            "source": len(self.sources),
            "target": len(self.targets),
            "held_out_source": len(self.held_sources),
            "held_out_target": len(self.held_targets),
        }

    def __str__(self) -> str:
        one, counts = self.direction, self.counts()
        return (
            f"{one.name}: {counts['source']:,} faces that are {one.source!r} learn from {counts['target']:,} that are "
            f"{one.target!r}; {counts['held_out_source']:,} and {counts['held_out_target']:,} more are held out"
        )


def parse(text: str) -> list[Direction]:
    """The directions that ``text`` names; `FacesmithError` where it is in none of the forms above."""
    found = [_direction(part.strip(), place) for place, part in enumerate(text.split(";"))]
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FacesmithError(f"two directions are called {twice[0]!r} in {text!r}: give each a name of its own")
    return found


def sides(dataset: "Dataset", direction: Direction) -> Sides:
    """A direction's faces in a dataset.

    Raises `FacesmithError` for an expression that cannot be read, and for a side with too few faces.
    """
    import numpy as np

    from facesmith.data.filters import matches
    from facesmith.data.holdout import parted

    table, (held, learned) = dataset.metadata(), parted(dataset)
    ones = [np.flatnonzero(matches(table, where)) for where in (direction.source, direction.target)]
    sources, targets, held_sources, held_targets = (
        np.intersect1d(one, part) for part in (learned, held) for one in ones
    )
    for where, faces in ((direction.source, sources), (direction.target, targets)):
        if len(faces) < LEAST:
            raise FacesmithError(
                f"{dataset.name} has {len(faces)} faces to learn from that are {where!r}, and a side needs {LEAST}: "
                "loosen the expression, or import more photos"
            )
    for where, faces in ((direction.source, held_sources), (direction.target, held_targets)):
        if len(faces) < 2:
            raise FacesmithError(
                f"{dataset.name} holds out {len(faces)} faces that are {where!r}, and a makeover is measured on two or "
                "more: loosen the expression, or import more photos"
            )
    return Sides(direction, sources, targets, held_sources, held_targets)


def _direction(text: str, place: int) -> Direction:
    if text in PRESETS:
        return Direction(text, *PRESETS[text])
    found = _DIRECTION.fullmatch(text)
    if found is None or not (found["source"].strip() and found["target"].strip()):
        raise FacesmithError(
            f"{text!r} is no direction: write {', '.join(PRESETS)}, 'SOURCE > TARGET' or 'NAME: SOURCE > TARGET', "
            "with expressions like 'Male & ~Eyeglasses'"
        )
    return Direction(found["name"] or chr(ord("a") + place % 26), found["source"].strip(), found["target"].strip())
