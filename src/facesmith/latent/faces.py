"""Resolve photos, seeds and saved latents to faces with latents, for every command that takes a face."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facesmith.arrays import ImageArray, Latents
from facesmith.errors import FacesmithError
from facesmith.files import exists, printable
from facesmith.images.decode import read_marks
from facesmith.images.face_crop import crop_faces
from facesmith.images.grid import face_sheet
from facesmith.images.photo_files import expand_photos
from facesmith.images.provenance import Marks, encode_image
from facesmith.images.signing import has_manifest
from facesmith.latent.arithmetic import slerp
from facesmith.latent.face_refs import LATENTS_SUFFIX, FaceRef, parse_face_ref
from facesmith.latent.latents_file import read_latents
from facesmith.latent.refine import refine as refine_latents
from facesmith.latent.refine import refinement_steps
from facesmith.models.attribute_scores import generated_scores
from facesmith.models.base import BLOCK as GENERATE_BLOCK
from facesmith.models.directions import DEFAULT_KIND
from facesmith.models.model import Model
from facesmith.progress import progress, tell

MANY_STEPS = 200  # of refinement: fewer are done before a progress bar says anything
RESTORING_STEPS = 3  # of locked attributes; a fourth gained nothing
ENCODE_BLOCK = 64  # images encoded between two updates of the progress bar


@dataclass(frozen=True, eq=False)
class FaceLatent:
    """A face with its latent ``z`` (latent_size + detail_size, see `Model.encode`); a generated face has detail 0.

    ``image`` (H x W x 3, uint8) is the image that was encoded, or None, and ``marks`` are those in its file.
    """

    name: str
    z: Latents
    image: ImageArray | None = None
    marks: Marks | None = None

    @property
    def is_generated(self) -> bool:
        """Return whether the name refers to a seed, as a latents file keeps it; other latents count as of photos."""
        return re.fullmatch(FaceRef.HTTP_SEED_PATTERN, self.name) is not None

    def _repr_png_(self) -> bytes:
        """Return the encoded image, or the values of the latent as grey fields if there is none, for notebooks."""
        fields = np.clip(128 + 50 * np.resize(self.z, (-(-len(self.z) // 16), 16)), 0, 255).astype(np.uint8)
        image = np.repeat(fields[..., None], 3, axis=2) if self.image is None else self.image
        return encode_image(face_sheet(image), "PNG", self.marks)


EncodablePhoto = tuple[str, ImageArray, Marks | None]  # a name, the pixels, and the marks of the file
# A reference as text or parsed, a photo as its path, bytes or pixels, or a face that is resolved already.
FaceSource = str | FaceRef | Path | bytes | ImageArray | FaceLatent


def load_faces(
    model: Model,
    sources: Sequence[FaceSource],
    *,
    face: str = "largest",
    aligned: bool = False,
    refine: int | None = 0,
    quiet: bool = False,
) -> list[FaceLatent]:
    """Return the faces of ``sources`` in order; one photo or latents file may hold several.

    ``face`` selects the faces of a photo: "largest", "all", or "0", "1", ... from the left. ``aligned`` skips face
    detection for photos that are aligned like the model's dataset. ``refine`` is the number of optimisation steps that
    refine the latents of photos (requires torch); None means 50 if torch is installed, otherwise 0. Raises
    `FacesmithError` for an invalid reference, a photo without a face, latents from a different model, and photos when
    the model has no encoder.
    """
    if not sources:
        raise FacesmithError("no faces: pass photos, seed:7, seed:7:3, latents.npz or latents.npz:5")
    steps = refinement_steps(model, refine)
    faces: list[FaceLatent | EncodablePhoto] = []
    with progress(len(sources), "photos", shown=not quiet and len(sources) > 8) as bar:
        for source in sources:
            faces += _resolve(model, source, face, aligned)
            bar.update()
    images = [item[1] for item in faces if isinstance(item, tuple)]
    z = encode_images(model, images, quiet=quiet)
    if steps and images:
        z = refine_latents(model, np.stack(images), z, steps, quiet=quiet or len(images) * steps < MANY_STEPS)
    encoded = iter(z)
    return [
        item if isinstance(item, FaceLatent) else FaceLatent(item[0], next(encoded), item[1], item[2]) for item in faces
    ]


def seed_latents(model: Model, refs: Sequence[FaceRef]) -> Latents:
    """Return the latents (N x latent_size) of references to seeds.

    Each mix goes along the arc to the other face; then locked attributes are moved back to their scores. Raises
    `FacesmithError` for a locked attribute that the model has no direction for.
    """
    z = np.zeros((len(refs), model.latent_size), np.float32)
    for row, ref in enumerate(refs):
        z[row] = model.latents(1, ref.seed, start=ref.index)[0] * np.float32(ref.truncation)
    for step in range(max((len(ref.mixes) for ref in refs), default=0)):
        original, locks = z.copy(), dict[int, tuple[str, ...]]()
        for row, ref in enumerate(refs):
            for mix in ref.mixes[step : step + 1]:
                z[row] = slerp(mix.percent / 100, z[row], model.latents(1, mix.seed, start=mix.index)[0])
                locks |= {row: mix.locked} if mix.locked else {}
        rows = list(locks)
        for block in (rows[first : first + GENERATE_BLOCK] for first in range(0, len(rows), GENERATE_BLOCK)):
            z[block] = _restore(model, z[block], original[block], [locks[row] for row in block])
    return z


def _restore(model: Model, z: Latents, original: Latents, locks: Sequence[Sequence[str]]) -> Latents:
    """Move latents (N x d) along directions until the locked attributes of their faces have the original's scores."""
    directions = model.directions
    columns = [[directions.names.index(directions.find(name)) for name in names] for names in locks]
    distinct, inverse = np.unique(original, axis=0, return_inverse=True)  # variations have the same original
    wanted = generated_scores(model, distinct)[inverse.reshape(-1)]
    for _ in range(RESTORING_STEPS):  # scores of generated faces follow the directions only roughly
        missing = wanted - generated_scores(model, z)
        changes = [dict(zip(locks[row], missing[row, columns[row]].tolist(), strict=True)) for row in range(len(z))]
        z = np.stack([directions.apply(z[row], changes[row], DEFAULT_KIND) for row in range(len(z))])
    return z


def face_marks(model: Model, faces: Sequence[FaceLatent]) -> Marks:
    """Return the marks of an image that the model makes of faces; see `FaceLatent.is_generated`."""
    photos = [face.marks for face in faces if not face.is_generated]
    if photos:
        return model.edit_marks(photos)
    if len(faces) > 1:
        return model.marks()
    with suppress(FacesmithError):
        ref = parse_face_ref(faces[0].name)
        return model.marks() if ref.mixes else model.marks(seed=ref.seed, index=ref.index)
    return model.marks()


def encode_images(model: Model, images: Sequence[ImageArray] | ImageArray, *, quiet: bool = False) -> Latents:
    """Run `Model.encode` over many images in blocks, with a progress bar: N x (latent_size + detail_size)."""
    blocks = []
    with progress(len(images), "encoding", shown=not quiet and len(images) > ENCODE_BLOCK) as bar:
        for start in range(0, len(images), ENCODE_BLOCK):
            blocks.append(model.encode(np.stack(list(images[start : start + ENCODE_BLOCK]))))
            bar.update(len(blocks[-1]))
    return np.concatenate(blocks) if blocks else np.zeros((0, model.latent_size + model.detail_size), np.float32)


def generate_images(model: Model, latents: Latents, *, quiet: bool = False) -> ImageArray:
    """Run `Model.generate` over many latents in blocks, with a progress bar: N x H x W x 3."""
    images = np.empty((len(latents), *model.size[::-1], 3), np.uint8)
    with progress(len(latents), "generating", shown=not quiet and len(latents) > 8 * GENERATE_BLOCK) as bar:
        for start in range(0, len(latents), GENERATE_BLOCK):
            part = latents[start : start + GENERATE_BLOCK]
            images[start : start + GENERATE_BLOCK] = model.generate(part)
            bar.update(len(part))
    return images


def face_images(model: Model, faces: Sequence[FaceLatent], *, quiet: bool = False) -> ImageArray:
    """Return the image of every face (N x H x W x 3): the encoded one, or else the one that the model generates."""
    missing = [face.z for face in faces if face.image is None]
    generated = iter(generate_images(model, np.stack(missing), quiet=quiet) if missing else ())
    return np.stack([next(generated) if face.image is None else face.image for face in faces])


def _resolve(model: Model, source: FaceSource, face: str, aligned: bool) -> list[FaceLatent | EncodablePhoto]:
    """Resolve one source to faces with latents, or to photos that are not encoded yet."""
    if isinstance(source, FaceLatent):
        return [source]
    if isinstance(source, str) and not exists(Path(source)):  # a file takes precedence over a reference like its name
        source = parse_face_ref(source)
    if isinstance(source, str | Path):
        is_latents = Path(source).suffix.lower() == LATENTS_SUFFIX
        source = FaceRef(str(source), "latents" if is_latents else "file", path=Path(source))
    if not isinstance(source, FaceRef):
        return [*_crop_photo(model, source, face, aligned)]
    if source.kind == "seed":
        return [FaceLatent(source.text, _pad_detail(model, seed_latents(model, [source]))[0])]
    if source.kind == "latents":
        return [*_saved_faces(model, source.path, source.row)]
    if source.kind == "photo":
        raise FacesmithError(f"{source.text} is valid only in its studio session: pass the photo's file instead")
    if (photos := expand_photos([source.path])) != [str(source.path)]:
        return [item for path in photos for item in _resolve(model, Path(path), face, aligned)]
    if not exists(source.path):
        raise FacesmithError(
            f"{source.path} does not exist: pass a photo, latents.npz, latents.npz:5, seed:7 or seed:7:3"
        )
    return [*_crop_photo(model, source.path, face, aligned)]


def _crop_photo(model: Model, photo: Path | bytes | ImageArray, face: str, aligned: bool) -> list[EncodablePhoto]:
    """Return the selected faces of a photo, cropped like the dataset of the model."""
    if "encoder" not in model.card:
        model.encode(np.zeros((0, *model.size[::-1], 3), np.uint8))  # raises before the slow face detection
    name = printable(photo.name) if isinstance(photo, Path) else "photo"
    crops = crop_faces(photo, model.card["dataset"], faces=face, aligned=aligned)
    names = [name] if len(crops) == 1 else [f"{name} {number}" for number in range(len(crops))]
    if not isinstance(photo, np.ndarray) and has_manifest(photo):
        tell(f"{name} contains a C2PA manifest, which the result does not keep")
    marks = None if isinstance(photo, np.ndarray) else read_marks(photo if isinstance(photo, bytes) else str(photo))
    return [(name, crop.image, marks) for name, crop in zip(names, crops, strict=True)]


def _saved_faces(model: Model, path: Path, row: int | None) -> list[FaceLatent]:
    names, z = read_latents(path)
    sizes = (model.latent_size, model.latent_size + model.detail_size)
    if z.shape[1] not in sizes:
        raise FacesmithError(
            f"{path} contains latents of shape {z.shape}, but {model.name} takes (N, {sizes[-1]}): encode the "
            "photos with this model"
        )
    if row is not None and row >= len(z):
        raise FacesmithError(f"{path} has no row {row}: choose 0 to {len(z) - 1}")
    rows = list(range(len(z))) if row is None else [row]
    return [FaceLatent(names[i], latent) for i, latent in zip(rows, _pad_detail(model, z[rows]), strict=True)]


def _pad_detail(model: Model, latents: Latents) -> Latents:
    """Append a zero residual latent to latents that have none."""
    missing = model.latent_size + model.detail_size - latents.shape[1]
    return np.pad(latents, ((0, 0), (0, missing)))
