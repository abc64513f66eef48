"""The two domains of a makeover: the faces of a dataset that are changed, and the faces they should look like.

Directions are one setting of a recipe, several separated by ";":

* a preset: ``mtf``, ``ftm``, ``mtm`` or ``ftf``, those of deep-makeover
* ``SOURCE > TARGET``, two attribute expressions as `facesmith.data.filters` reads them; named a, b, ... in order
* ``NAME: SOURCE > TARGET``, the same with a name

Nothing here imports torch.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facesmith.arrays import Integers
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    from facesmith.data.dataset import Dataset

# As in deep-makeover: glasses leave artefacts and goatees dominate, so both are left out. Attractive faces are a
# narrower target, which is reached sooner.
_CLEAR = "~Blurry & ~Eyeglasses"
_MEN, _WOMEN = f"Male & {_CLEAR}", f"~Male & {_CLEAR}"
PRESETS = {
    "mtf": (_MEN, f"{_WOMEN} & Attractive"),
    "ftm": (_WOMEN, f"{_MEN} & Attractive & ~Goatee & ~Mustache & No_Beard"),
    "mtm": (_MEN, f"{_MEN} & Attractive"),
    "ftf": (_WOMEN, f"{_WOMEN} & Attractive"),
}
MIN_FACES, MIN_HELD_OUT = 100, 2  # of a domain, to learn from and to measure on
_DIRECTION = re.compile(r"(?:(?P<name>[\w-]+)\s*:)?(?P<source>[^>:]+)>(?P<target>[^>]+)")


@dataclass(frozen=True)
class Direction:
    """The source and target faces of a makeover, as attribute expressions."""

    name: str
    source: str
    target: str


@dataclass(frozen=True, eq=False)
class Domains:
    """The indices of a direction's faces: those that are learned from, and those that are held out."""

    direction: Direction
    sources: Integers
    targets: Integers
    held_out_sources: Integers
    held_out_targets: Integers

    def counts(self) -> dict[str, int]:
        """Return how many faces each domain has, as the cards hold it."""
        return {
            "source": len(self.sources),
            "target": len(self.targets),
            "held_out_source": len(self.held_out_sources),
            "held_out_target": len(self.held_out_targets),
        }

    def __str__(self) -> str:
        direction, counts = self.direction, self.counts()
        return (
            f"{direction.name}: {counts['source']:,} source faces ({direction.source!r}), {counts['target']:,} target "
            f"faces ({direction.target!r}); held out: {counts['held_out_source']:,} and {counts['held_out_target']:,}"
        )


def parse_directions(text: str) -> list[Direction]:
    """Return the directions that ``text`` names. Raises `FacesmithError` for another form."""
    directions = [_parse_direction(part.strip(), index) for index, part in enumerate(text.split(";"))]
    names = [direction.name for direction in directions]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise FacesmithError(f"invalid directions {text!r}: two have the name {repeated[0]!r}: use different names")
    return directions


def find_domains(dataset: "Dataset", direction: Direction) -> Domains:
    """Return a direction's faces in a dataset.

    Raises `FacesmithError` for an invalid expression, and for a domain with too few faces.
    """
    from facesmith.data.filters import match_filter
    from facesmith.data.held_out import held_out_split

    table, (held_out, learned) = dataset.metadata(), held_out_split(dataset)
    expressions = (direction.source, direction.target)
    faces = [np.flatnonzero(match_filter(table, expression)) for expression in expressions]
    learned_from, measured_on = ([np.intersect1d(rows, part) for rows in faces] for part in (learned, held_out))
    for use, domains, minimum in (("training", learned_from, MIN_FACES), ("evaluation", measured_on, MIN_HELD_OUT)):
        for expression, rows in zip(expressions, domains, strict=True):
            if len(rows) < minimum:
                raise FacesmithError(
                    f"{dataset.name} has {len(rows)} faces for {use} that match {expression!r}, but a makeover "
                    f"requires {minimum}: use a less strict expression, or import more photos"
                )
    return Domains(direction, *learned_from, *measured_on)


def _parse_direction(text: str, index: int) -> Direction:
    if text in PRESETS:
        return Direction(text, *PRESETS[text])
    match = _DIRECTION.fullmatch(text)
    if match is None or not (match["source"].strip() and match["target"].strip()):
        raise FacesmithError(
            f"invalid direction {text!r}: expected {', '.join(PRESETS)}, 'SOURCE > TARGET' or 'NAME: SOURCE > TARGET', "
            "with expressions like 'Male & ~Eyeglasses'"
        )
    return Direction(match["name"] or chr(ord("a") + index % 26), match["source"].strip(), match["target"].strip())
