"""Parse references to faces. The command line, Python, HTTP and the studio's pages share this grammar.

    seed:SEED[:INDEX[:TRUNCATION]]    face INDEX of a random seed: seed:7, seed:7:3, seed:7:3:0.7
    photo:ID                          a photo, or a face in it, of a studio session
    FILE.npz[:ROW]                    every saved latent in a file, or one of them, counted from 0
    PATH                              a photo file

Parsing opens no file. `facesmith.latent.faces` and the studio resolve references to latents.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from facesmith.errors import FacesmithError

SEED_PATTERN = r"seed:([0-9]{1,18})(?::([0-9]{1,9})(?::([0-2](?:\.[0-9]{1,6})?))?)?"
PHOTO_PATTERN = r"photo:([A-Za-z0-9_-]{22})"
LATENTS_SUFFIX = ".npz"
MAX_TRUNCATION = 2.0
EXPECTED = "seed:SEED[:INDEX[:TRUNCATION]] with a truncation of 0 to 2, photo:ID, FILE.npz[:ROW], or a photo's path"


@dataclass(frozen=True)
class FaceRef:
    """A parsed reference; ``kind`` says which of the other fields have a meaning.

    "seed": ``seed``, ``index`` and ``truncation``. "photo": ``photo_id``. "latents": ``path`` and ``row`` (None for all
    rows). "file": ``path``.
    """

    # The references that work over HTTP, as a regular expression for request schemas.
    HTTP_PATTERN: ClassVar[str] = f"^({SEED_PATTERN}|{PHOTO_PATTERN})$"

    text: str
    kind: Literal["seed", "photo", "latents", "file"]
    seed: int = 0
    index: int = 0
    truncation: float = 1.0
    photo_id: str = ""
    path: Path = Path()
    row: int | None = None


def parse_face_ref(text: str) -> FaceRef:
    """Parse one reference. Raises `FacesmithError` when ``text`` matches no form of the grammar."""
    scheme = text.partition(":")[0].lower()
    if scheme == "seed" and ":" in text:
        if match := re.fullmatch(SEED_PATTERN, text.lower()):
            seed, index, truncation = match.groups()
            if float(truncation or 1) <= MAX_TRUNCATION:
                return FaceRef(
                    text.lower(), "seed", seed=int(seed), index=int(index or 0), truncation=float(truncation or 1)
                )
    elif scheme == "photo" and ":" in text:
        if match := re.fullmatch(PHOTO_PATTERN, text):
            return FaceRef(text, "photo", photo_id=match[1])
    elif Path(text).suffix.lower() == LATENTS_SUFFIX:
        return FaceRef(text, "latents", path=Path(text))
    elif (file := text.rpartition(":")[0]).lower().endswith(LATENTS_SUFFIX):
        row = text.rpartition(":")[2]
        if re.fullmatch("[0-9]{1,9}", row):
            return FaceRef(text, "latents", path=Path(file), row=int(row))
    elif text:
        return FaceRef(text, "file", path=Path(text))
    raise FacesmithError(f"invalid face reference {text!r}: expected {EXPECTED}")
