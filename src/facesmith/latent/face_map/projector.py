"""Write the files of TensorBoard's projector: tensors and labels as TSV, faces as one sprite, and a config."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from facesmith.arrays import Floats, Images
from facesmith.files import write_text
from facesmith.images.grid import save_image
from facesmith.images.provenance import Marks
from facesmith.latent.face_map.thumbnails import make_sprite

CONFIG, FOLDER = "projector_config.pbtxt", "projector"
_EMBEDDING = """\
embeddings {{
  tensor_name: "{name}"
  tensor_path: "{folder}/{name}.tsv"
  metadata_path: "{folder}/metadata.tsv"
  sprite {{ image_path: "{folder}/sprite.png" single_image_dim: {width} single_image_dim: {height} }}
}}
"""


def write_projector(
    folder: Path,
    spaces: Mapping[str, Floats],
    columns: Mapping[str, Sequence[str]],
    images: Images,
    marks: Marks | None = None,
) -> None:
    """Write the files that ``tensorboard --logdir FOLDER`` shows under Projector.

    ``spaces`` are tensors of N x D by name, ``images`` N x H x W x 3. ``columns`` are the labels of the N points by
    heading, two or more, because TensorBoard reads a single column as one without a heading. ``marks`` are those of
    the sprite.
    """
    subfolder = folder / FOLDER
    subfolder.mkdir()
    for name, points in spaces.items():
        np.savetxt(subfolder / f"{name}.tsv", points, fmt="%.6g", delimiter="\t")
    rows = zip(*columns.values(), strict=True)
    write_text(
        subfolder / "metadata.tsv", "".join("\t".join(map(_cell, row)) + "\n" for row in [tuple(columns), *rows])
    )
    image, (width, height) = make_sprite(images)
    save_image(image, subfolder / "sprite.png", marks)
    entries = (_EMBEDDING.format(name=name, folder=FOLDER, width=width, height=height) for name in spaces)
    write_text(folder / CONFIG, "".join(entries))


def _cell(text: str) -> str:
    """Return a text without tabs and newlines, because TSV has no quotes."""
    return " ".join(text.split()) or "-"
