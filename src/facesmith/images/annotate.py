"""Who was found where in some photos: each photo with numbered boxes, the aligned cuts, and a file that says it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from facesmith.errors import FacesmithError
from facesmith.files import new_folder, write_json
from facesmith.images.align import Picture
from facesmith.images.crop_faces import chosen, cut_face, from_the_left
from facesmith.images.decode import parse_frame
from facesmith.images.detector import DETECTOR
from facesmith.images.find_faces import Face, find_faces, read_photo
from facesmith.images.grid import save_image
from facesmith.progress import progress

MOST_SHOWN = 1280  # pixels of the longer side of a photo with boxes
CROP, RESIZE = "center:178", "lanczos"  # of the cuts: the part of CelebA's frame that datasets mostly keep
INK = (255, 214, 10)


def show_faces(
    photos: Sequence[str | Path], out: str | Path, *, size: str | int = 64, faces: str = "all", quiet: bool = False
) -> dict[str, Any]:
    """Find the faces in photos, and write who was found where into the new folder ``out``; returns faces.json.

    For a photo NAME.jpg: NAME.png, the photo with a numbered box round each face that was taken, and NAME_0.png,
    NAME_1.png ..., these faces aligned and cut to ``size`` ("64", or "80x100" for width x height). ``faces`` is all,
    largest, or a number from the left. Boxes and landmarks in faces.json are in pixels of the upright photo. A photo
    without such a face, or that cannot be read, is named there under ``without`` with the reason;
    `FacesmithError` where all are.
    """
    frame = parse_frame(str(size), CROP, RESIZE)
    if faces not in ("largest", "all") and not faces.isdecimal():
        raise FacesmithError(
            f"faces {faces!r} is no choice: write all, largest, or a number from the left, 0 the first"
        )
    found: list[dict[str, Any]] = []
    without: list[dict[str, str]] = []
    with (
        new_folder(Path(out), "faces") as folder,
        progress(len(photos), "finding", "photos", shown=not quiet and len(photos) > 1) as bar,
    ):
        for photo, stem in zip(photos, _stems(photos), strict=True):
            try:
                picture = read_photo(photo)
                every = find_faces(picture)
                taken = chosen(every, faces, str(photo))
            except FacesmithError as error:
                if len(photos) == 1 or "pip install" in str(error):
                    raise
                without.append({"photo": str(photo), "reason": str(error)})
                continue
            finally:
                bar.update()
            numbered = {number: face for number, face in enumerate(from_the_left(every)) if face in taken}
            save_image(_boxed(picture, numbered), folder / f"{stem}.png")
            for number, face in numbered.items():
                cut = cut_face(picture, face, frame).picture
                save_image(Image.fromarray(cut), folder / f"{stem}_{number}.png")
                found.append({"photo": str(photo), "face": number, **_described(face), "cut": f"{stem}_{number}.png"})
        if not found:
            raise FacesmithError(f"no face was found in any of the {len(photos)} photos: {without[0]['reason']}")
        said = {"format": "facesmith-faces", "version": 1, "detector": DETECTOR, "faces": found, "without": without}
        write_json(folder / "faces.json", said)
    return said


def _described(face: Face) -> dict[str, Any]:
    box = [round(side, 1) for side in face.box]
    return {"box": box, "landmarks": face.landmarks.round(1).tolist(), "score": round(face.score, 3)}


def _boxed(picture: Picture, faces: dict[int, Face]) -> Image.Image:
    image = Image.fromarray(picture)
    scale = min(1, MOST_SHOWN / max(image.size))
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    draw, line = ImageDraw.Draw(image), max(1, max(image.size) // 320)
    for number, face in faces.items():
        left, top, width, height = (side * scale for side in face.box)
        draw.rectangle((left, top, left + width, top + height), outline=INK, width=line)
        for x, y in face.landmarks * np.float32(scale):
            draw.ellipse((x - line, y - line, x + line, y + line), fill=INK)
        above = (left, max(top - 2 * line, 12 * line))  # so that a small face is still seen
        draw.text(above, str(number), INK, font_size=10 * line, anchor="lb", stroke_width=line, stroke_fill=(0, 0, 0))
    return image


def _stems(photos: Sequence[str | Path]) -> list[str]:
    """A name for the files of each photo, no two of them the same."""
    stems: list[str] = []
    for photo in photos:
        stem = Path(photo).stem
        while stem.lower() in {taken.lower() for taken in stems}:
            stem += "_"
        stems.append(stem)
    return stems
