"""Fuzz the decoding of pictures and the reading of label tables: damaged inputs are read or refused with a reason.

    python benchmarks/fuzz_imports.py [--minutes N] [--seed N]

Small valid pictures of every format and tables of every form are damaged at random: bytes are changed, removed,
repeated, or taken from another input. Any exception but `ImageError` and `FacesmithError`, an input that takes longer
than 20 seconds, and memory that grows by more than 200 MB after the first minute end the run with the input's seed.
"""

import faulthandler
import io
import random
import resource
import sys
import time
from contextlib import suppress

import harness
import numpy as np
from PIL import Image

from facesmith.data.labels.label_files import read_labels
from facesmith.errors import FacesmithError, ImageError
from facesmith.images.crop import parse_crop_spec
from facesmith.images.decode import decode

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "HEIF")
FILES = [f"{row:06d}.jpg" for row in range(9)]
ROWS = [(file, row % 2, row % 3) for row, file in enumerate(FILES)]
SPEC = parse_crop_spec("16", "fit", "lanczos")
MAX_SECONDS, MAX_GROWTH_MB = 20, 200


def pictures() -> list[bytes]:
    """Return small pictures of every format that this installation can write."""
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8))
    inputs = []
    for kind in FORMATS:
        for mode in ("RGB", "L", "P", "RGBA", "CMYK"):
            out = io.BytesIO()
            with suppress(OSError, KeyError, ValueError):  # not every format has every mode
                image.convert(mode).save(out, kind)
                inputs.append(out.getvalue())
    return inputs


def tables() -> list[bytes]:
    """Return label tables in every form."""
    lines = [f"{file},{first},{second}" for file, first, second in ROWS]
    csv = "\n".join(["file,Male,split", *lines])
    spaced = "\n".join(["9", "Male Young", *(f"{file} 1 -1" for file in FILES)])
    jsonl = "\n".join(f'{{"file": "{file}", "Male": {first}}}' for file, first, _ in ROWS)
    stylegan = '{"labels": [["000000.jpg", 3], ["000001.jpg", [0, 1]]]}'
    return [text.encode() for text in (csv, csv.replace(",", ";"), spaced, jsonl, stylegan)] + [csv.encode("utf-16")]


def damage(data: bytes, other: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, length = rng.randrange(len(changed) + 1), rng.choice((1, 1, 4, 30))
        change = rng.randrange(5)
        if change == 0:
            changed[at : at + length] = rng.randbytes(length)
        elif change == 1:
            del changed[at : at + length]
        elif change == 2:
            changed[at:at] = changed[at : at + length] * rng.choice((1, 3))
        elif change == 3:
            start = rng.randrange(len(other))
            changed[at : at + length] = other[start : start + length]
        else:
            del changed[at:]
    return bytes(changed)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = harness.parser(__doc__, "--seed")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to run, default 1")
    args = parser.parse_args()
    harness.require_linux()
    photos, labels = pictures(), tables()
    start, count, read, base = time.monotonic(), 0, 0, 0.0
    while time.monotonic() - start < 60 * args.minutes:
        rng = random.Random(f"{args.seed}/{count}")
        corpus = labels if count % 4 == 0 else photos
        data = damage(rng.choice(corpus), rng.choice(corpus), rng)
        faulthandler.dump_traceback_later(MAX_SECONDS, exit=True)
        try:
            if corpus is labels:
                read_labels([("", "fuzz", data)], FILES, required=True)
            else:
                decode(data, SPEC)
            read += 1
        except (ImageError, FacesmithError):
            pass
        except BaseException:
            print(f"input {count} of seed {args.seed}: {data[:200]!r}")
            raise
        faulthandler.cancel_dump_traceback_later()
        count += 1
        if time.monotonic() - start > 60 and not base:
            base = peak_mb()
        if base and peak_mb() > base + MAX_GROWTH_MB:
            sys.exit(f"memory grew from {base:.0f} to {peak_mb():.0f} MB after {count:,} inputs")
    print(f"{count:,} inputs in {args.minutes:g} minutes: {read:,} read, the others refused; peak {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
