"""Photos → latents, and back to faces beside the photos: how much of a face the model can say."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.images.grid import make_grid, save_image
from facesmith.latent.edit import generated
from facesmith.latent.face_grids import enlargement
from facesmith.latent.faces import FaceLatent, FaceSource, encode_images, load_faces
from facesmith.latent.labelled_latents import known_judge
from facesmith.latent.latents_file import check_latents_path, save_latents
from facesmith.metrics.similarity import psnr, ssim
from facesmith.models.model import Model, load

if TYPE_CHECKING:
    from facesmith.models.classifier import AttributeClassifier

    pass

SHEET, SCORES, LATENTS = "sheet.png", "scores.json", "latents.npz"

Pictures = NDArray[np.uint8]


def encode(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    face: str = "largest",
    aligned: bool = False,
    refine: int = 0,
    quiet: bool = False,
) -> list[FaceLatent]:
    """Write the latents of ``faces`` as the file ``out`` (.npz), and return them.

    It holds ``z`` (N x latent_size, float32, or with detail: see `Model.encode`) and ``names`` (N), and stands wherever
    a photo does. The same photos give the same latents, to the bit. ``face``, ``aligned`` and ``refine`` are those of
    `load_faces`.
    """
    check_latents_path(Path(out))
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    people = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
    save_latents(Path(out), [one.name for one in people], np.stack([one.z for one in people]))
    return people


def reconstruct(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    refine: int = 0,
    judge: "str | Path | AttributeClassifier | None" = None,
    face: str = "largest",
    aligned: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Encode ``faces``, generate them again into the new folder ``out``, and return how alike they are.

    sheet.png has every face before beside after, and after ``refine`` further steps of search where some are asked for
    (they need torch). scores.json holds what is returned: for each face and on average, PSNR in decibels, SSIM, and
    with a ``judge`` the distance of its features, 1 - their cosine; "encoded" and, with ``refine``, "refined".
    latents.npz has the last latents. Faces of seeds and latents are generated first, and then taken as photos are.
    """
    if refine < 0:
        raise FacesmithError(f"refine is {refine}: it cannot be negative")
    refuse_existing(Path(out), "reconstructions")
    eye = known_judge(judge)
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    people = _pictured(source, load_faces(source, faces, face=face, aligned=aligned, quiet=quiet), quiet)
    before = np.stack([one.image for one in people if one.image is not None])
    latents = {"encoded": np.stack([one.z for one in people])}
    if refine:
        from facesmith.latent.refine import refine as search

        latents["refined"] = search(source, before, latents["encoded"], refine, quiet=quiet)
    after = {stage: generated(source, z, quiet) for stage, z in latents.items()}
    scores = {stage: _scores(before, made, eye) for stage, made in after.items()}
    last = list(after)[-1]
    result = {
        "model": source.digest,
        "judge": None if eye is None else eye.digest,
        "refine": refine,
        "mean": {stage: {name: float(np.mean(row)) for name, row in found.items()} for stage, found in scores.items()},
        "faces": [
            {"face": one.name}
            | {stage: {name: row[i] for name, row in found.items()} for stage, found in scores.items()}
            for i, one in enumerate(people)
        ],
    }
    with atomic_folder(Path(out), "reconstructions") as folder:
        save_latents(folder / LATENTS, [one.name for one in people], latents[last])
        triples = np.concatenate([before, *after.values()], axis=2)
        labels = [f"{one.name}\n{scores[last]['psnr'][i]:.1f} dB, SSIM {scores[last]['ssim'][i]:.2f}"
                  for i, one in enumerate(people)]  # fmt: skip
        save_image(make_grid(triples, labels=labels, gap=6, scale=enlargement(source.size[1])), folder / SHEET)
        write_json(folder / SCORES, result)
    return result


def _pictured(model: Model, people: list[FaceLatent], quiet: bool) -> list[FaceLatent]:
    """The same faces; those of seeds and latents with their generated picture, and what the encoder makes of it."""
    blank = [one for one in people if one.image is None]
    if not blank:
        return people
    pictures = generated(model, np.stack([one.z for one in blank]), quiet)
    found = iter(zip(encode_images(model, pictures, quiet=quiet), pictures, strict=True))
    return [one if one.image is not None else FaceLatent(one.name, *next(found)) for one in people]


def _scores(before: Pictures, after: Pictures, judge: "AttributeClassifier | None") -> dict[str, list[float]]:
    """PSNR, SSIM and the distance of features for each pair."""
    # Equal pictures have no noise at all, and JSON has no infinity.
    found = {"psnr": psnr(before, after).clip(max=100), "ssim": ssim(before, after)}
    if judge is not None:
        a, b = judge.features(before), judge.features(after)
        found["feature_distance"] = 1 - (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return {name: [float(value) for value in row] for name, row in found.items()}
