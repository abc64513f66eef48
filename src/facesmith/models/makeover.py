"""The makeover: changes one kind of face into another. Needs no torch.

makeover = facesmith.load_makeover("my-makeover")
makeover.apply(faces)                # N x H x W x 3, uint8: full strength in its first direction
makeover.apply(faces, "ftm", 0.5)    # half strength in another
"""

from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Floats, Images
from facesmith.errors import FacesmithError
from facesmith.images.pixels import to_uint8
from facesmith.models.base import LoadedModel, load_folder, onnx_session, run_on_images


class Makeover(LoadedModel):
    """A trained makeover; see `load_makeover`."""

    kind = "makeover"

    def __init__(self, path: Path, card: dict[str, Any], backend: str = "onnx", threads: int | None = None) -> None:
        super().__init__(path, card, backend, threads)
        self._session = onnx_session(self.folder.onnx, "makeover", threads)

    @property
    def directions(self) -> list[dict[str, Any]]:
        """The directions, each with its "name" and the attribute expressions of its "source" and "target" faces."""
        return list(self.card["directions"])

    def direction_index(self, name: str | None) -> int:
        """Return the index of a direction; None is the first. Raises `FacesmithError` for an unknown name."""
        names = [direction["name"] for direction in self.directions]
        if name is None:
            return 0
        if name not in names:
            raise FacesmithError(f"{self.name} has no direction {name!r}: choose one of {', '.join(names)}")
        return names.index(name)

    def apply(self, images: Images, direction: str | None = None, strength: float = 1.0) -> Images:
        """Apply the makeover to ``images`` (uint8, N x H x W x 3, or a single one). Returns uint8, N x H x W x 3.

        ``direction`` is the name of one of `directions`, by default the first. ``strength`` is 0 (no change) to 1 (full
        change). Images have the makeover's size and the crop of its dataset; `crop_faces` makes them from any photo.
        Raises `FacesmithError` for other shapes, directions and strengths.
        """
        if not 0 <= strength <= 1:
            raise FacesmithError(f"invalid strength {strength:g}: expected 0 (no change) to 1 (full change)")
        strengths = np.zeros((1, len(self.directions)), np.float32)
        strengths[:, self.direction_index(direction)] = strength

        def compute(x: Floats) -> Floats:
            output = self._session.run(["made"], {"pictures": x, "strengths": strengths})[0]
            return np.asarray(output).reshape(len(x), -1)

        width, height = self.size
        # One face at a time takes no longer per face than a batch, and most requests are for a single face.
        rows = run_on_images(compute, images, self.size, 3 * height * width, self.name, block=1)
        return to_uint8(rows.reshape(-1, 3, height, width))


def load_makeover(makeover: str | Path, *, threads: int | None = None, quiet: bool = False) -> Makeover:
    """Load a makeover from its folder, by the name of an included one, or from a hub id; see `facesmith.load`."""
    return load_folder(Makeover, makeover, "onnx", threads, quiet)
