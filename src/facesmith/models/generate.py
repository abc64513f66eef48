"""Write generated faces: single images or a sheet, with a manifest from which each of them can be made again."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facesmith.arrays import ImageArray, Images
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, write_text
from facesmith.images.grid import make_grid, save_image
from facesmith.images.provenance import Marks, save_options
from facesmith.machine import usable_cores
from facesmith.models.model import Model, as_model
from facesmith.progress import Bar, progress

FORMATS: dict[str, dict[str, Any]] = {"png": {"compress_level": 6}, "jpg": {"quality": 95}, "webp": {"lossless": True}}
PILLOW_FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
MAX_SHEET_FACES = 10_000  # a larger image can be opened by few programs


def generate(
    model: str | Path | Model,
    out: str | Path,
    *,
    count: int = 64,
    seed: int = 0,
    truncation: float = 1.0,
    start: int = 0,
    attributes: Sequence[str] = (),
    grid: bool = False,
    format: str = "png",  # noqa: A002 (the name of the option)
    npy: bool = False,
    quiet: bool = False,
) -> Path:
    """Write ``count`` faces into the new folder ``out`` and return it.

    Single images are named ``000000.png``, ``000001.png``, ... by the index of their latent; ``grid`` writes one
    ``sheet.png`` instead, and ``npy`` adds ``images.npy``, uint8 N x H x W x 3. manifest.jsonl has one line per face:
    file, seed, latent_index, truncation, model (digest), terms and the attributes asked for (see `Model.sample`). Face
    i of a seed is the same for every ``count`` and ``start``.
    """
    source = as_model(model, quiet=quiet)
    if format not in FORMATS:
        raise FacesmithError(f"invalid format {format!r}: expected {', '.join(FORMATS)}")
    if count < 1:
        raise FacesmithError(f"invalid count {count}: expected at least 1")
    if grid and count > MAX_SHEET_FACES:
        raise FacesmithError(
            f"a sheet of {count:,} faces is too large: omit --grid, or use at most --count {MAX_SHEET_FACES}"
        )
    source.condition(source.latents(0), attributes)  # raises an error before any work
    width, height = source.size
    settings: dict[str, Any] = {"truncation": truncation, "model": source.digest, "terms": source.terms}
    settings |= {"with": list(attributes)} if attributes else {}
    with atomic_folder(Path(out), "faces") as folder, progress(count, "generating", shown=not quiet) as bar:
        faces = source.stream(count, seed, truncation=truncation, start=start, attributes=attributes)
        if npy:
            faces = _copy_to_npy(faces, folder / "images.npy", (count, height, width, 3))
        if grid:
            files = [f"sheet.{format}"] * count
            sheet = make_grid(np.concatenate(list(_count_blocks(faces, bar))), gap=2)
            save_image(sheet, folder / f"sheet.{format}", source.marks(seed=seed))
        else:
            faces = _count_blocks(faces, bar)
            files = _write_singles(faces, folder, format, start, lambda index: source.marks(seed=seed, index=index))
        rows = (
            {"file": file, "seed": seed, "latent_index": index, **settings} for index, file in enumerate(files, start)
        )
        write_text(folder / "manifest.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return Path(out)


def _count_blocks(faces: Iterator[Images], bar: Bar) -> Iterator[Images]:
    for block in faces:
        yield block
        bar.update(len(block))


def _copy_to_npy(faces: Iterator[Images], path: Path, shape: tuple[int, ...]) -> Iterator[Images]:
    """Yield blocks of faces unchanged and write them into a .npy file. A memory map would crash on a full disk."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for block in faces:
            file.write(np.ascontiguousarray(block).data)
            yield block


def _write_singles(
    faces: Iterator[Images], folder: Path, suffix: str, start: int, marks: Callable[[int], Marks]
) -> list[str]:
    """Write one file per face and return the names of the files."""
    names: list[str] = []

    def write(name: str, face: ImageArray, index: int) -> None:
        options = FORMATS[suffix] | save_options(marks(index), PILLOW_FORMATS[suffix])
        Image.fromarray(face).save(folder / name, **options)

    with ThreadPoolExecutor(min(4, usable_cores())) as pool:  # compression releases the interpreter's lock
        for block in faces:
            new = [f"{index:06d}.{suffix}" for index in range(start + len(names), start + len(names) + len(block))]
            list(pool.map(write, new, block, range(start + len(names), start + len(names) + len(block))))
            names += new
    return names
