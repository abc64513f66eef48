"""Parse references to faces. The command line, Python, HTTP and the studio's pages share this grammar.

    seed:SEED[:INDEX[:TRUNCATION]]    face INDEX of a random seed: seed:7, seed:7:3, seed:7:3:0.7
      ~SEED:INDEX:PERCENT[@NAME]      the face before it, mixed with that of another seed: 0 changes nothing, 100 gives
                                      the other face. Attributes NAME stay as they are. Repeatable: seed:7~9:4:30@Male
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
MIX_PATTERN = r"~([0-9]{1,18}):([0-9]{1,9}):(100|[0-9]{1,2})((?:@[A-Za-z0-9_]{1,40}){0,8})"
MAX_MIXES = 8
PHOTO_PATTERN = r"photo:([A-Za-z0-9_-]{22})"
LATENTS_SUFFIX = ".npz"
MAX_TRUNCATION = 2.0
EXPECTED = (
    "seed:SEED[:INDEX[:TRUNCATION]] (with a truncation of 0 to 2, and followed by at most 8 mixes "
    "~SEED:INDEX:PERCENT), photo:ID, FILE.npz[:ROW], or the path of a photo"
)


@dataclass(frozen=True)
class Mix:
    """A mix with face ``index`` of ``seed``; ``locked`` attributes stay as they are."""

    seed: int
    index: int
    percent: int
    locked: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceRef:
    """A parsed reference; ``kind`` says which of the other fields have a meaning.

    "seed": ``seed``, ``index``, ``truncation`` and ``mixes``. "photo": ``photo_id``. "latents": ``path`` and ``row``
    (None for all rows). "file": ``path``.
    """

    # The references that work over HTTP, and those to seeds, as regular expressions for request schemas.
    HTTP_SEED_PATTERN: ClassVar[str] = f"^{SEED_PATTERN}({MIX_PATTERN}){{0,{MAX_MIXES}}}$"
    HTTP_PATTERN: ClassVar[str] = f"^({SEED_PATTERN}({MIX_PATTERN}){{0,{MAX_MIXES}}}|{PHOTO_PATTERN})$"

    text: str
    kind: Literal["seed", "photo", "latents", "file"]
    seed: int = 0
    index: int = 0
    truncation: float = 1.0
    mixes: tuple[Mix, ...] = ()
    photo_id: str = ""
    path: Path = Path()
    row: int | None = None


def parse_face_ref(text: str) -> FaceRef:
    """Parse one reference. Raises `FacesmithError` when ``text`` matches no form of the grammar."""
    scheme = text.partition(":")[0].lower()
    if scheme == "seed" and ":" in text:
        if match := re.fullmatch(f"{SEED_PATTERN}((?:{MIX_PATTERN}){{0,{MAX_MIXES}}})", text.lower()):
            seed, index, truncation, tail = match.groups()[:4]
            mixes = tuple(
                Mix(int(other), int(face), int(percent), tuple(names.split("@")[1:]))
                for other, face, percent, names in re.findall(MIX_PATTERN, tail)
            )
            if float(truncation or 1) <= MAX_TRUNCATION:
                return FaceRef(text.lower(), "seed", int(seed), int(index or 0), float(truncation or 1), mixes)
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
