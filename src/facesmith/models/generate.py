"""Model → faces: single images or a sheet, with a manifest that says how to make each of them again."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, write_text
from facesmith.images.grid import make_grid, save_image
from facesmith.machine import usable_cores
from facesmith.models.model import Model, Pictures, load
from facesmith.progress import Bar, progress

FORMATS: dict[str, dict[str, Any]] = {"png": {"compress_level": 6}, "jpg": {"quality": 95}, "webp": {"lossless": True}}
LARGEST_SHEET = 10_000  # faces; more would make a picture that few programs open


def generate(
    model: str | Path | Model,
    out: str | Path,
    *,
    count: int = 64,
    seed: int = 0,
    truncation: float = 1.0,
    start: int = 0,
    grid: bool = False,
    format: str = "png",  # noqa: A002 (the name of the option)
    npy: bool = False,
    quiet: bool = False,
) -> Path:
    """Write ``count`` faces into the new folder ``out`` and return it.

    Single images are ``000000.png``, ``000001.png``, ... by the index of their latent; ``grid`` makes one
    ``sheet.png`` instead, ``npy`` adds ``images.npy``, uint8 N x H x W x 3. manifest.jsonl has a line for every face:
    file, seed, latent_index, truncation, model (digest). Face i of a seed is the same whatever the count and wherever
    the run ``start``s.
    """
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    if format not in FORMATS:
        raise FacesmithError(f"format {format!r} is not one of {', '.join(FORMATS)}")
    if count < 1:
        raise FacesmithError(f"count is {count}: ask for at least one face")
    if grid and count > LARGEST_SHEET:
        raise FacesmithError(f"a sheet of {count:,} faces is too large to look at: leave out --grid, or ask for fewer")
    width, height = source.size
    with atomic_folder(Path(out), "faces") as folder, progress(count, "generating", shown=not quiet) as bar:
        kept = None
        if npy:
            kept = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, height, width, 3))
        faces = _counted(source.stream(count, seed, truncation=truncation, start=start), bar, kept)
        if grid:
            files = [f"sheet.{format}"] * count
            save_image(make_grid(np.concatenate(list(faces)), gap=2), folder / f"sheet.{format}")
        else:
            files = _write_singles(faces, folder, format, start)
        if kept is not None:
            kept.flush()
        rows = (
            {"file": file, "seed": seed, "latent_index": index, "truncation": truncation, "model": source.digest}
            for index, file in enumerate(files, start)
        )
        write_text(folder / "manifest.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return Path(out)


def _counted(faces: Iterator[Pictures], bar: Bar, kept: Pictures | None) -> Iterator[Pictures]:
    """Pass blocks of faces on, counting them on the bar and copying them into ``kept``."""
    done = 0
    for block in faces:
        if kept is not None:
            kept[done : done + len(block)] = block
        done += len(block)
        yield block
        bar.update(len(block))


def _write_singles(faces: Iterator[Pictures], folder: Path, ending: str, start: int) -> list[str]:
    """Write the faces one a file and return the files' names."""
    names: list[str] = []
    with ThreadPoolExecutor(min(4, usable_cores())) as pool:  # compressing lets go of the interpreter's lock
        for block in faces:
            new = [f"{index:06d}.{ending}" for index in range(start + len(names), start + len(names) + len(block))]
            list(pool.map(lambda name, face: Image.fromarray(face).save(folder / name, **FORMATS[ending]), new, block))
            names += new
    return names
