"""Encode photos to latents, and compare the faces generated from these latents with the photos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Images
from facesmith.files import atomic_folder, write_json
from facesmith.images.grid import enlargement, make_grid, save_sheet
from facesmith.latent.faces import (
    FaceLatent,
    FaceSource,
    encode_images,
    face_images,
    face_marks,
    generate_images,
    load_faces,
)
from facesmith.latent.latents_file import new_latents, save_latents
from facesmith.latent.refine import refine as refine_latents
from facesmith.latent.refine import refinement_steps
from facesmith.metrics.similarity import psnr, ssim
from facesmith.models.classifier import AttributeClassifier, as_classifier
from facesmith.models.model import Model, as_model

SHEET, SCORES, LATENTS = "sheet.png", "scores.json", "latents.npz"

Scores = dict[str, list[float]]


def encode(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    face: str = "largest",
    aligned: bool = False,
    refine: int | None = None,
    quiet: bool = False,
) -> list[FaceLatent]:
    """Write the latents of ``faces`` to the file ``out`` (.npz), and return the faces.

    The file holds ``z`` (N x latent_size, float32, or with the residual latent of `Model.encode`) and ``names`` (N). It
    can be used in place of a photo. The same photos give the same bits. For ``face``, ``aligned`` and ``refine`` see
    `load_faces`.
    """
    with new_latents(Path(out)) as file:
        source = as_model(model, quiet=quiet)
        encoded = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
        save_latents(file, [item.name for item in encoded], np.stack([item.z for item in encoded]))
    return encoded


def reconstruct(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    refine: int | None = None,
    classifier: str | Path | AttributeClassifier | None = None,
    face: str = "largest",
    aligned: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Encode ``faces``, generate them again into the new folder ``out``, and return their similarity.

    sheet.png shows every face before and after, and after ``refine`` optimization steps: see `load_faces`. scores.json
    contains the returned scores, for each face and on average: PSNR in decibels, SSIM, and with a ``classifier`` the
    distance of its features, 1 - cosine. The stages are "encoded" and, if there are steps, "refined". latents.npz has
    the latents of the last stage. Faces given as seeds or latents are generated first, and then treated like photos.
    """
    with atomic_folder(Path(out), "reconstructions") as folder:
        features = None if classifier is None else as_classifier(classifier)
        source = as_model(model, quiet=quiet)
        photos = _as_photos(source, load_faces(source, faces, face=face, aligned=aligned, quiet=quiet), quiet)
        names = [photo.name for photo in photos]
        before = face_images(source, photos, quiet=True)
        latents = {"encoded": np.stack([photo.z for photo in photos])}
        steps = refinement_steps(source, refine)
        if steps:
            latents["refined"] = refine_latents(source, before, latents["encoded"], steps, quiet=quiet)
        after = {stage: generate_images(source, z, quiet=quiet) for stage, z in latents.items()}
        scores = {stage: _scores(before, images, features) for stage, images in after.items()}
        last = list(after)[-1]
        result = {
            "model": source.digest,
            "classifier": None if features is None else features.digest,
            "refine": steps,
            "mean": {stage: {key: float(np.mean(row)) for key, row in rows.items()} for stage, rows in scores.items()},
            "faces": [
                {"face": name} | {stage: {key: row[i] for key, row in rows.items()} for stage, rows in scores.items()}
                for i, name in enumerate(names)
            ],
        }
        save_latents(folder / LATENTS, names, latents[last])
        rows = np.concatenate([before, *after.values()], axis=2)
        figures = zip(names, scores[last]["psnr"], scores[last]["ssim"], strict=True)
        labels = [f"{name}\n{decibels:.1f} dB, SSIM {similarity:.2f}" for name, decibels, similarity in figures]
        sheet = make_grid(rows, labels=labels, gap=6, scale=enlargement(source.size[1]))
        save_sheet(sheet, folder / SHEET, face_marks(source, photos))
        write_json(folder / SCORES, result)
    return result


def _as_photos(model: Model, faces: list[FaceLatent], quiet: bool) -> list[FaceLatent]:
    """Return the faces with an image each; those of seeds and latents are generated and encoded again."""
    generated = [face for face in faces if face.image is None]
    if not generated:
        return faces
    images = generate_images(model, np.stack([face.z for face in generated]), quiet=quiet)
    encoded = iter(zip(encode_images(model, images, quiet=quiet), images, strict=True))
    return [face if face.image is not None else FaceLatent(face.name, *next(encoded)) for face in faces]


def _scores(before: Images, after: Images, classifier: AttributeClassifier | None) -> Scores:
    """Return PSNR, SSIM and the distance of features for each pair."""
    # JSON has no infinity, which is the PSNR of equal images.
    scores = {"psnr": psnr(before, after).clip(max=100), "ssim": ssim(before, after)}
    if classifier is not None:
        a, b = classifier.features(before), classifier.features(after)
        scores["feature_distance"] = 1 - (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return {name: [float(value) for value in row] for name, row in scores.items()}
