"""Built-in faces: labelled drawings made on the spot, for machines with no photos at hand."""

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np

from facesmith.data.drawing import BACKGROUNDS, CLOTHES, FRAMES, HAIRS, HATS, STYLES, attributes
from facesmith.data.source import Source, metadata_table
from facesmith.errors import FacesmithError
from facesmith.extras import require

COUNT = 8000
MOST = 10_000_000
DRAWINGS = 1  # counts up when the faces of a seed change


@dataclass(frozen=True, slots=True)
class Drawing:
    """Face ``index`` of a style and seed, drawn ``side`` pixels wide and high."""

    style: str
    seed: int
    index: int
    side: int

    def open(self) -> bytes:
        """Draw the face and return it as a PNG."""
        import resvg_py
        from dicebear import Avatar

        options, _ = plan(self.style, self.seed, self.index)
        drawn = Avatar(_definition(self.style), {**options, "size": self.side}).to_string()
        # DiceBear clips the face to the picture's edge, where every picture ends anyway: off, it is 1.5 times faster.
        drawn = re.sub(r'<g clip-path="url\(#clip-[0-9a-f]+\)">', "<g>", drawn)
        return resvg_py.svg_to_bytes(svg_string=drawn, skip_system_fonts=True)


def builtin_source(text: str, seed: int, side: int) -> Source:
    """The faces ``builtin``, ``builtin:COUNT``, ``builtin:STYLE`` or ``builtin:STYLE:COUNT`` as a source.

    Face i depends on the style, the seed and i alone. Of every ten faces the ninth is for validation and the tenth for
    testing. Raises `FacesmithError` for an unknown style, a bad count, or where the extra ``builtin`` is missing.
    """
    import pyarrow as pa

    style, count = _parse(text)
    for module in ("dicebear", "dicebear_styles", "resvg_py"):
        require(module, "builtin", "drawing built-in faces")
    names = attributes(STYLES[style])
    truth = np.zeros((count, len(names)), bool)
    for index in range(count):
        having = plan(style, seed, index)[1]
        truth[index] = [name in having for name in names]
    split = [{8: "valid", 9: "test"}.get(index % 10, "train") for index in range(count)]
    versions = [version(package) for package in ("dicebear-core", "dicebear-styles", "resvg-py")]
    made = f"{style} {seed} {count} {DRAWINGS} {' '.join(versions)}"
    return Source(
        kind="builtin",
        name=f"builtin {style}",
        fingerprint=hashlib.sha256(made.encode()).hexdigest(),
        table=metadata_table(
            [f"{style}/{index:06d}" for index in range(count)],
            pa.array(split, pa.string()),
            attributes={name: pa.array(truth[:, column]) for column, name in enumerate(names)},
        ),
        handles=lambda rows: (Drawing(style, seed, int(row), side) for row in rows),
        credit=_credit(style),
    )


def plan(style: str, seed: int, index: int) -> tuple[dict[str, Any], frozenset[str]]:
    """What face ``index`` looks like: the options it is drawn with, and the attributes that are true of it."""
    look, dice = STYLES[style], random.Random(f"{style}/{seed}/{index}")
    having: set[str] = set()
    shapes: dict[str, str | None] = {name: dice.choice(choices) for name, choices in look.others.items()}

    def shape(component: str, choices: dict[str, tuple[str, ...]]) -> None:
        shapes[component] = dice.choice(sorted(choices))
        having.update(choices[str(shapes[component])])

    hair = dice.choice(sorted(HAIRS))
    hair_color = dice.choice(HAIRS[hair])
    cover = dice.choices(("hat", "bald", "short", "long"), (14, 7, 38, 41))[0]
    if cover == "hat":
        shapes[look.top] = dice.choice(look.hats)
        having.add("Wearing_Hat")
    elif cover == "bald":
        shapes[look.top] = look.bald
        having.add("Bald")
    else:
        shape(look.top, look.short if cover == "short" else look.long)
        having.update({hair} - {""})
    shape("mouth", look.mouths)
    glasses, kinds = look.glasses
    if dice.random() < 0.25:
        shapes[glasses] = dice.choice(kinds)
        having.add("Eyeglasses")
    if cover != "long" and dice.random() < 0.4 and "Wearing_Lipstick" not in having:
        shape("facialHair", look.beards)
    else:
        shapes["facialHair"] = None
        having.add("No_Beard")
    pale = dice.random() < 0.12
    if pale:
        having.add("Pale_Skin")
    colors = {
        "skin": look.pale if pale else dice.choice(look.skins),
        "hair": hair_color,
        "beard": hair_color,
        "clothes": dice.choice(CLOTHES),
        "hat": dice.choice(HATS),
        "frame": dice.choice(FRAMES),
    }
    options = _options(
        shapes, {name: colors[ours] for ours, name in look.colors.items()}, (look.top, "facialHair", glasses)
    )
    framing = {"scale": look.scale, "translateY": look.down, "backgroundColor": dice.choice(BACKGROUNDS)}
    return {"seed": f"{index}", **framing, **options}, frozenset(having)


def _options(shapes: dict[str, str | None], colors: dict[str, str], optional: Sequence[str]) -> dict[str, Any]:
    """DiceBear's options for one face: every shape and colour named, so that nothing is left to its own dice."""
    options: dict[str, Any] = {f"{name}Color": color for name, color in colors.items()}
    for name in {*shapes, *optional}:
        options[f"{name}Probability"] = 100 if shapes.get(name) else 0
        if shape := shapes.get(name):
            options[f"{name}Variant"] = shape
    return options


def _parse(text: str) -> tuple[str, int]:
    """Read builtin[:STYLE][:COUNT]."""
    found = re.fullmatch(rf"builtin(?::({'|'.join(STYLES)}))?(?::(\d{{1,9}}))?", text)
    count = int(found[2] or COUNT) if found else 0
    if found is None or not 1 <= count <= MOST:
        raise FacesmithError(
            f"{text!r} names no built-in faces: write builtin, builtin:COUNT, builtin:STYLE or builtin:STYLE:COUNT, "
            f"with a style of {', '.join(STYLES)} and a count from 1 to {MOST:,}"
        )
    return found[1] or "avataaars", count


def _credit(style: str) -> str:
    """Who drew the style, and the licence its definition states."""
    meta = _json(style)["meta"]
    return f"{meta['license']['text']}. Drawn with DiceBear (https://www.dicebear.com)."


@cache
def _definition(style: str) -> Any:
    from dicebear import Style

    return Style(_json(style))


@cache
def _json(style: str) -> Any:
    return json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8"))
