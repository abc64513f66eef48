"""Write generated faces as a set of labelled images or as a sheet, with a table to generate each face again."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Images
from facesmith.data.importer import check_free_space
from facesmith.data.layouts.layout import SHARD, parse_layout, write_set
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, write_text
from facesmith.images.grid import make_grid, save_sheet
from facesmith.images.signing import load_signing_key
from facesmith.models.classifier import AttributeClassifier, as_classifier
from facesmith.models.labelled_faces import FORMATS, LabelledFaces
from facesmith.models.model import Model, as_model, check_draw
from facesmith.models.requests import parse_requests
from facesmith.models.set_card import count_picture, set_readme
from facesmith.progress import move_bar, progress

MIN_FACE_BYTES = 256  # of an image with its rows in the tables
MAX_SHEET_FACES = 10_000  # a larger image can be opened by few programs
MANIFEST = "manifest.jsonl"


def generate(
    model: str | Path | Model,
    out: str | Path,
    *,
    count: int = 64,
    seed: int = 0,
    truncation: float = 1.0,
    start: int = 0,
    attributes: Sequence[str] = (),
    balance: Sequence[str] = (),
    share: Sequence[str] = (),
    classifier: str | Path | AttributeClassifier | None = None,
    labels: Sequence[str] | None = None,
    layout: str = "imagefolder",
    grid: bool = False,
    format: str = "png",  # noqa: A002 (the name of the option)
    npy: bool = False,
    sign_with: tuple[str | Path, str | Path] | None = None,
    quiet: bool = False,
) -> Path:
    """Write ``count`` labelled faces into the folder ``out`` and return it.

    Args:
        start: the index of the first face. Face i of a seed is the same in every part of a set.
        attributes: attributes of all faces: "Smiling", or "~Smiling" for its absence.
        balance: attributes such as "Male,Smiling"; all their combinations get equal shares.
        share: shares such as "Eyeglasses=0.3".
        classifier: the classifier that labels the faces. Default: the model's directions, if it has them.
        labels: the attributes to label. Default: all that can be predicted.
        layout: imagefolder (metadata.jsonl beside the images), classes:ATTRIBUTE, webdataset or parquet.
        grid: write one ``sheet.png`` and a table instead of separate images.
        sign_with: the files of a certificate and its key, used to sign every image; see `load_signing_key`.
        npy: add ``images.npy``, uint8 N x H x W x 3, to an imagefolder of up to 10,000 faces.

    If a requested attribute is an input of the generator, it is set. Faces that have all requested attributes are
    selected from many. Images are named ``000000.png``, ... by index, at most 10,000 in a folder or file. Each row of
    metadata contains seed, latent_index, truncation, model (digest), terms, ``with`` (requested attributes),
    label_source (asked, measured or both), the attributes, and the predicted probabilities. An attribute has the
    predicted value, or the requested one if neither the classifier nor the directions predict it. If a set of more than
    10,000 faces is interrupted, the same call continues it.
    """
    source = as_model(model, quiet=quiet)
    network = None if classifier is None else as_classifier(classifier)
    _check_arguments(count, format, layout, grid, npy)
    check_draw(count, seed, start, truncation)
    faces = LabelledFaces(
        source,
        parse_requests(attributes, balance, share),
        seed,
        truncation,
        format,
        network,
        None if labels is None else tuple(labels),
        None if sign_with is None else load_signing_key(*sign_with),
    )
    faces.check(None if grid else parse_layout(layout)[1])
    if not grid:
        check_free_space(Path(out), count * MIN_FACE_BYTES, "generate fewer faces (--count)")
    card = {"layout": layout, "first": start, "count": count, **faces.card()}
    with ExitStack() as stack:
        bar = stack.enter_context(progress(count, "generating", shown=not quiet))
        if grid:
            folder = stack.enter_context(atomic_folder(Path(out), "faces"))
            _write_sheet(faces, folder, start, count, npy, lambda images: bar.update(len(images)))
            return Path(out)
        arrays: list[Images] = []

        def on_images(images: Images) -> None:
            bar.update(len(images))
            if npy:
                arrays.append(images)

        def finish(folder: Path) -> None:
            if npy:
                np.save(folder / "images.npy", np.concatenate(arrays))
            if layout == "imagefolder":
                write_manifest(folder)

        def shards(first: int, last: int) -> Iterator[Any]:
            if first - start > bar.n:  # an earlier call has written the faces before
                move_bar(bar, first - start)
            return faces.pictures(first, last, on_images)

        write_set(Path(out), card, shards, lambda tally: set_readme(card | {"tally": tally}), count_picture, finish)
    return Path(out)


def _check_arguments(count: int, form: str, layout: str, grid: bool, npy: bool) -> None:
    if form not in FORMATS:
        raise FacesmithError(f"invalid format {form!r}: expected {', '.join(FORMATS)}")
    if count < 1:
        raise FacesmithError(f"invalid count {count}: expected at least 1")
    parse_layout(layout)
    if grid and count > MAX_SHEET_FACES:
        raise FacesmithError(
            f"a sheet of {count:,} faces is too large: omit --grid, or reduce --count to at most {MAX_SHEET_FACES}"
        )
    if npy and not grid and (layout != "imagefolder" or count > SHARD):
        raise FacesmithError(f"images.npy requires the imagefolder layout and at most {SHARD:,} faces: omit --npy")


def _write_sheet(
    faces: LabelledFaces, folder: Path, start: int, count: int, npy: bool, on_images: Callable[[Images], object]
) -> None:
    """Write one image of all faces, and a row for each into the manifest."""
    images, lines, file = [], [], f"sheet.{faces.format}"
    for _, block, rows in faces.blocks(start, start + count):
        images.append(block)
        lines += [json.dumps({"file": file, **row}) + "\n" for row in rows]
        on_images(block)
    if npy:
        np.save(folder / "images.npy", np.concatenate(images))
    save_sheet(make_grid(np.concatenate(images), gap=2), folder / file, faces.model.marks(seed=faces.seed))
    write_text(folder / MANIFEST, "".join(lines))


def write_manifest(folder: Path) -> None:
    """Write the manifest of version 0.1: the first fields of metadata.jsonl, with the image under "file"."""
    lines = []
    for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        names = ("seed", "latent_index", "truncation", "model", "terms", "with")
        lines.append(json.dumps({"file": row["file_name"], **{name: row[name] for name in names if name in row}}))
    write_text(folder / MANIFEST, "\n".join(lines) + "\n")
