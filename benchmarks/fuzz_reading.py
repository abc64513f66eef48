"""Fuzz the decoding of pictures and the reading of label tables with damaged files.

    nice -n 10 python benchmarks/fuzz_reading.py --minutes 10 --seed 0

The corpus is generated: small pictures of noise in every format that Pillow writes, with EXIF and colour profiles, and
label tables of every form. Each example is one of them with random bytes changed, cut, repeated or spliced. Right is
a result, `ImageError` or `FacesmithError`; anything else is a finding, printed with the seed that makes it again. So is
an example that takes longer than `MAX_SECONDS` of processor time. Prints the growth of memory after a warm-up; more
than `MAX_GROWTH` is a finding too. Exits with code 1 after a finding.
"""

import argparse
import io
import json
import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageCms

from facesmith.data.labels.label_files import read_labels
from facesmith.errors import FacesmithError, ImageError
from facesmith.images.crop import parse_crop_spec
from facesmith.images.decode import decode, image_size

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "HEIF", "PPM", "TGA", "ICO")
MODES = ("RGB", "RGBA", "L", "P", "CMYK", "I;16", "1", "LA")
FILES = ["000001.jpg", "a/000002.jpg", "é.png", "5.jpg"]
ROWS = [("000001.jpg", 1, -1), ("a/000002.jpg", 0, 1), ("é.png", 1, 1)]
SPEC = parse_crop_spec("32", "fit", "lanczos")
MAX_SECONDS, MAX_GROWTH = 5.0, 200.0  # seconds per example; megabytes


def pictures() -> list[bytes]:
    """Return a small picture in every format and mode that Pillow can write."""
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    result = []
    for name in FORMATS:
        for mode in MODES:
            for options in ({}, {"exif": exif, "icc_profile": profile}):
                file = io.BytesIO()
                try:
                    image = noise.convert("L").convert("I").convert(mode) if mode == "I;16" else noise.convert(mode)
                    image.save(file, name, **options)
                except (OSError, ValueError, KeyError):
                    continue  # not a mode of this format
                result.append(file.getvalue())
    return result


def tables() -> list[bytes]:
    """Return small label tables of every form."""
    head, names = ("file", "Male", "Smiling"), [row[0] for row in ROWS]
    texts = [
        "\n".join(separator.join(map(str, row)) for row in (head, *ROWS)) + "\n" for separator in (",", ";", "\t", "|")
    ]
    texts += [f"{len(ROWS)}\nMale Smiling\n" + "\n".join(f"{name} {male} {smiling}" for name, male, smiling in ROWS)]
    texts += ["\n".join(json.dumps(dict(zip(head, row, strict=True))) for row in ROWS)]
    texts += [json.dumps({"labels": [[name, [male, smiling]] for name, male, smiling in ROWS]})]
    texts += [json.dumps([dict(zip(head, row, strict=True)) for row in ROWS])]
    texts += ["".join(f'"{name}","{male}",,"a\n""b"\r\n' for name, male, _ in ROWS)]
    parquet = io.BytesIO()
    pq.write_table(pa.table({"file": names, "Male": [True, False, None]}), parquet)
    encoded = [text.encode(charset) for text in texts for charset in ("utf-8", "utf-8-sig", "utf-16", "cp1252")]
    return [*encoded, parquet.getvalue()]


def damage(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Change a few bytes, cut, repeat or splice."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        place = rng.randrange(len(result) + 1)
        match rng.randrange(6):
            case 0:
                result[place : place + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])
            case 1:
                del result[place:]
            case 2:
                del result[place : place + rng.randrange(16)]
            case 3:
                result[place:place] = result[place : place + rng.randrange(64)] * rng.randrange(1, 4)
            case 4:
                start = rng.randrange(len(other) + 1)
                result[place:place] = other[start : start + rng.randrange(64)]
            case 5:
                number = rng.choice((0, 1, 2**31 - 1, 2**32 - 1, 65535, rng.randrange(2**32)))
                result[place : place + 4] = number.to_bytes(4, rng.choice(("big", "little")))
    return bytes(result)


def read_picture(data: bytes) -> None:
    image_size(data)
    decode(data, SPEC)


def read_table(data: bytes) -> None:
    read_labels([("", "labels.csv", data)], FILES, required=True)


def memory() -> float:
    """Return the megabytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0, help="Seed of the first example.")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    corpora: list[tuple[Callable[[bytes], None], list[bytes]]] = [(read_picture, pictures()), (read_table, tables())]
    seed, findings, read, before, end = options.seed, set[str](), 0, 0.0, time.monotonic() + options.minutes * 60
    while time.monotonic() < end:
        rng = random.Random(seed)
        function, corpus = corpora[seed % len(corpora)]
        data = damage(rng.choice(corpus), rng.choice(corpus), rng)
        start = time.process_time()
        try:
            function(data)
            read += 1
        except (ImageError, FacesmithError):
            pass
        except Exception:  # every other error is a finding
            text = traceback.format_exc().splitlines()
            if f"{text[-3]}{text[-1][:40]}" not in findings:
                print(f"seed {seed}, {function.__name__}:", *text[-7:], sep="\n  ", flush=True)
            findings.add(f"{text[-3]}{text[-1][:40]}")
        if (seconds := time.process_time() - start) > MAX_SECONDS:
            print(f"seed {seed}, {function.__name__}: {seconds:.1f} s", flush=True)
            findings.add(f"seed {seed}")
        seed += 1
        if seed == options.seed + 2000:
            before = memory()
    growth = memory() - before if before else 0.0
    print(f"{seed - options.seed:,} examples, {read:,} of them read, {len(findings)} findings, {growth:+.0f} MB")
    return bool(findings or growth > MAX_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
