"""Annotate photos with the faces found in them: numbered boxes, aligned crops and a JSON file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from facesmith.arrays import ImageArray
from facesmith.errors import FacesmithError, MissingPackageError
from facesmith.files import atomic_folder, file_stem, printable, unique_stem, write_json
from facesmith.images.crop import parse_crop_spec
from facesmith.images.decode import read_marks, read_photo
from facesmith.images.face_crop import check_face_choice, crop_face, select_faces
from facesmith.images.faces import DETECTOR, Face, find_faces, sort_left_to_right
from facesmith.images.grid import save_image
from facesmith.images.photo_files import expand_photos
from facesmith.progress import progress

MAX_SIDE = 1280  # pixels of the longer side of an annotated photo
CROP, RESIZE = "center:178", "lanczos"  # of the face crops: the usual part of CelebA's frame
LINE_COLOUR = (255, 214, 10)


def show_faces(
    photos: Sequence[str | Path], out: str | Path, *, size: str | int = 64, faces: str = "all", quiet: bool = False
) -> dict[str, Any]:
    """Find the faces in photos, write the results to the new folder ``out``, and return the content of faces.json.

    For a photo NAME.jpg: NAME.png, the photo with a numbered box around each selected face, and NAME_0.png,
    NAME_1.png and so on, the faces aligned and cropped to ``size`` ("64", or "80x100" for width x height). ``faces`` is
    all, largest, or a number from the left. Boxes and landmarks in faces.json are in pixels of the upright photo. A
    photo without such a face, or one that cannot be read, is listed under ``without`` with the reason. Raises
    `FacesmithError` if no photo can be used.
    """
    spec = parse_crop_spec(str(size), CROP, RESIZE)
    check_face_choice(faces)
    photos = expand_photos(photos)
    used_stems: set[str] = set()
    entries: list[dict[str, Any]] = []
    without: list[dict[str, str]] = []
    with (
        atomic_folder(Path(out), "faces") as folder,
        progress(len(photos), "finding", "photos", shown=not quiet and len(photos) > 1) as bar,
    ):
        for photo in photos:
            stem = unique_stem(file_stem(Path(photo)), used_stems)
            try:
                image, marks = read_photo(photo), read_marks(str(photo))
                all_faces = find_faces(image)
                selected = select_faces(all_faces, faces, str(photo))
            except MissingPackageError:
                raise
            except FacesmithError as error:
                if len(photos) == 1:
                    raise
                without.append({"photo": printable(str(photo)), "reason": printable(str(error))})
                continue
            finally:
                bar.update()
            numbered = {number: face for number, face in enumerate(sort_left_to_right(all_faces)) if face in selected}
            save_image(_draw_boxes(image, numbered), folder / f"{stem}.png", marks)
            for number, face in numbered.items():
                crop = f"{stem}_{number}.png"
                save_image(Image.fromarray(crop_face(image, face, spec).image), folder / crop, marks)
                entries.append({"photo": printable(str(photo)), "face": number, **_describe(face), "cut": crop})
        if not entries:
            raise FacesmithError(
                f"none of the {len(photos):,} photos can be used; the first error is: {without[0]['reason']}"
            )
        result = {
            "format": "facesmith-faces",
            "version": 1,
            "detector": DETECTOR,
            "faces": entries,
            "without": without,
        }
        write_json(folder / "faces.json", result)
    return result


def _describe(face: Face) -> dict[str, Any]:
    box = [round(side, 1) for side in face.box]
    return {"box": box, "landmarks": face.landmarks.round(1).tolist(), "score": round(face.score, 3)}


def _draw_boxes(photo: ImageArray, faces: dict[int, Face]) -> Image.Image:
    image = Image.fromarray(photo)
    scale = min(1, MAX_SIDE / max(image.size))
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    draw, line = ImageDraw.Draw(image), max(1, max(image.size) // 320)
    for number, face in faces.items():
        left, top, width, height = (side * scale for side in face.box)
        draw.rectangle((left, top, left + width, top + height), outline=LINE_COLOUR, width=line)
        for x, y in face.landmarks * np.float32(scale):
            draw.ellipse((x - line, y - line, x + line, y + line), fill=LINE_COLOUR)
        above = (left, max(top - 2 * line, 12 * line))  # above the box, so that a small face stays visible
        outline = {"stroke_width": line, "stroke_fill": (0, 0, 0)}
        draw.text(above, str(number), LINE_COLOUR, font_size=10 * line, anchor="lb", **outline)  # type: ignore[arg-type]
    return image
