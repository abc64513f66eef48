"""Built-in faces: labelled drawings that need no photos and no download."""

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

from facesmith.data.source import Source, metadata_table
from facesmith.data.sources.builtin_styles import BACKGROUNDS, CLOTHES, FRAMES, HAIRS, HATS, STYLES, style_attributes
from facesmith.errors import FacesmithError
from facesmith.extras import require

DEFAULT_COUNT = 8000
MAX_COUNT = 10_000_000
DRAWING_VERSION = 1  # increased when the faces of a seed change


@dataclass(frozen=True, slots=True)
class DrawnFace:
    """Face ``index`` of a style and seed, drawn ``side`` pixels wide and high."""

    style: str
    seed: int
    index: int
    side: int

    def open(self) -> bytes:
        """Draw the face and return it as a PNG."""
        import resvg_py
        from dicebear import Avatar

        options, _ = plan_face(self.style, self.seed, self.index)
        svg = Avatar(_definition(self.style), {**options, "size": self.side}).to_string()
        # DiceBear clips the face at the edge of the image, which changes nothing and takes a third of the time.
        svg = re.sub(r'<g clip-path="url\(#clip-[0-9a-f]+\)">', "<g>", svg)
        return resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)


def builtin_source(text: str, seed: int, side: int) -> Source:
    """Return ``builtin``, ``builtin:COUNT``, ``builtin:STYLE`` or ``builtin:STYLE:COUNT`` as a source.

    Face i depends only on the style, the seed and i. Of every ten faces, the ninth is in the split valid and the tenth
    in the split test. Raises `FacesmithError` for an unknown style or a wrong count, and if the ``builtin`` extra is
    missing.
    """
    import pyarrow as pa

    style, count = _parse(text)
    for module in ("dicebear", "dicebear_styles", "resvg_py"):
        require(module, "builtin", "drawing built-in faces")
    names = style_attributes(STYLES[style])
    values = np.zeros((count, len(names)), bool)
    for index in range(count):
        true_names = plan_face(style, seed, index)[1]
        values[index] = [name in true_names for name in names]
    split = [{8: "valid", 9: "test"}.get(index % 10, "train") for index in range(count)]
    versions = [version(package) for package in ("dicebear-core", "dicebear-styles", "resvg-py")]
    identification = f"{style} {seed} {count} {DRAWING_VERSION} {' '.join(versions)}"
    return Source(
        kind="builtin",
        name=f"builtin {style}",
        fingerprint=hashlib.sha256(identification.encode()).hexdigest(),
        table=metadata_table(
            [f"{style}/{index:06d}" for index in range(count)],
            pa.array(split, pa.string()),
            attributes={name: pa.array(values[:, column]) for column, name in enumerate(names)},
        ),
        handles=lambda rows: (DrawnFace(style, seed, int(row), side) for row in rows),
        credit=_credit(style),
        aligned=True,
    )


def plan_face(style: str, seed: int, index: int) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the options with which face ``index`` is drawn, and the attributes that it has."""
    look, rng = STYLES[style], random.Random(f"{style}/{seed}/{index}")
    attributes: set[str] = set()
    shapes: dict[str, str | None] = {name: rng.choice(choices) for name, choices in look.unlabelled.items()}

    def draw_shape(component: str, choices: dict[str, tuple[str, ...]]) -> None:
        shapes[component] = rng.choice(sorted(choices))
        attributes.update(choices[str(shapes[component])])

    hair = rng.choice(sorted(HAIRS))
    hair_color = rng.choice(HAIRS[hair])
    cover = rng.choices(("hat", "bald", "short", "long"), (14, 7, 38, 41))[0]
    if cover == "hat":
        shapes[look.top] = rng.choice(look.hats)
        attributes.add("Wearing_Hat")
    elif cover == "bald":
        shapes[look.top] = look.bald
        attributes.add("Bald")
    else:
        draw_shape(look.top, look.short if cover == "short" else look.long)
        attributes.update({hair} - {""})
    draw_shape("mouth", look.mouths)
    glasses, kinds = look.glasses
    if rng.random() < 0.25:
        shapes[glasses] = rng.choice(kinds)
        attributes.add("Eyeglasses")
    if cover != "long" and rng.random() < 0.4 and "Wearing_Lipstick" not in attributes:
        draw_shape("facialHair", look.beards)
    else:
        shapes["facialHair"] = None
        attributes.add("No_Beard")
    pale = rng.random() < 0.12
    if pale:
        attributes.add("Pale_Skin")
    colors = {
        "skin": look.pale if pale else rng.choice(look.skins),
        "hair": hair_color,
        "beard": hair_color,
        "clothes": rng.choice(CLOTHES),
        "hat": rng.choice(HATS),
        "frame": rng.choice(FRAMES),
    }
    options = _options(
        shapes,
        {name: colors[color_name] for color_name, name in look.colors.items()},
        (look.top, "facialHair", glasses),
    )
    framing = {"scale": look.scale, "translateY": look.down, "backgroundColor": rng.choice(BACKGROUNDS)}
    return {"seed": f"{index}", **framing, **options}, frozenset(attributes)


def _options(shapes: dict[str, str | None], colors: dict[str, str], optional: Sequence[str]) -> dict[str, Any]:
    """Return DiceBear's options for one face, with every shape and colour, so that DiceBear draws nothing at random."""
    options: dict[str, Any] = {f"{name}Color": color for name, color in colors.items()}
    for name in {*shapes, *optional}:
        options[f"{name}Probability"] = 100 if shapes.get(name) else 0
        if shape := shapes.get(name):
            options[f"{name}Variant"] = shape
    return options


def _parse(text: str) -> tuple[str, int]:
    """Parse builtin[:STYLE][:COUNT]."""
    match = re.fullmatch(rf"builtin(?::({'|'.join(STYLES)}))?(?::(\d{{1,9}}))?", text)
    count = int(match[2] or DEFAULT_COUNT) if match else 0
    if match is None or not 1 <= count <= MAX_COUNT:
        raise FacesmithError(
            f"invalid source {text!r}: expected builtin, builtin:COUNT, builtin:STYLE or builtin:STYLE:COUNT, "
            f"where STYLE is {' or '.join(STYLES)}, and COUNT is 1 to {MAX_COUNT:,}"
        )
    return match[1] or "avataaars", count


def _credit(style: str) -> str:
    """Return the author and the licence that the style's definition states."""
    meta = _json(style)["meta"]
    licence = meta["license"]["text"].replace("„", "“")  # DiceBear opens quotations as German does
    return f"{licence}. Drawn with DiceBear (https://www.dicebear.com)."


@cache
def _definition(style: str) -> Any:
    from dicebear import Style

    return Style(_json(style))


@cache
def _json(style: str) -> Any:
    return json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8"))
