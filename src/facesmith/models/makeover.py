"""The makeover: a folder like a model's, that turns one kind of face into another. Needs no torch.

makeover = facesmith.load_makeover("my-makeover")
makeover.apply(faces)                # N x H x W x 3, uint8: all the way in its first direction
makeover.apply(faces, "ftm", 0.5)    # half the way in another
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json
from facesmith.images.pixels import to_uint8
from facesmith.models import backends
from facesmith.models.base import Trained
from facesmith.models.included import included_folder, included_makeovers
from facesmith.progress import tell

FORMAT, VERSION = "facesmith-makeover", 1
CARD, WEIGHTS, ONNX = "makeover.json", "makeover.safetensors", "makeover.onnx"

Pictures = NDArray[np.uint8]


class Makeover(Trained):
    """A trained makeover. Made by `load_makeover`; ``card`` is what its makeover.json says."""

    def __init__(self, path: Path, card: dict[str, Any], threads: int | None = None) -> None:
        super().__init__(path, card)
        self._session = backends.session(path / ONNX, "makeover", threads)

    def __repr__(self) -> str:
        width, height = self.size
        names = ", ".join(each["name"] for each in self.directions)
        return f"<facesmith.Makeover {self.name!r} {width}x{height}, {names} {self.digest[:12]}>"

    @property
    def directions(self) -> list[dict[str, Any]]:
        """What it can do, each with its "name" and the attribute expressions of its "source" and "target" faces."""
        return list(self.card["directions"])

    def place(self, direction: str | None) -> int:
        """Which of `directions` has that name, None being the first; `FacesmithError` where none has it."""
        names = [each["name"] for each in self.directions]
        if direction is None:
            return 0
        if direction not in names:
            raise FacesmithError(f"{self.name} has no direction {direction!r}: choose {' or '.join(names)}")
        return names.index(direction)

    def apply(self, pictures: Pictures, direction: str | None = None, strength: float = 1.0) -> Pictures:
        """``pictures`` (uint8, N x H x W x 3, or one of them) made over: uint8, N x H x W x 3.

        ``direction`` is the name of one of `directions`, by default the first. ``strength`` is 0, which changes
        nothing, to 1, which goes all the way. Pictures have the makeover's size and are cut as its dataset's are
        (`crop_faces` does it to any photo). Raises `FacesmithError` for other shapes, directions and strengths.
        """
        if not 0 <= strength <= 1:
            raise FacesmithError(f"strength {strength:g} is not between 0 (as it is) and 1 (all the way)")
        strengths = np.zeros((1, len(self.directions)), np.float32)
        strengths[:, self.place(direction)] = strength

        def compute(x: NDArray[np.float32]) -> NDArray[np.float32]:
            made = self._session.run(["made"], {"pictures": x, "strengths": strengths})[0]
            return np.asarray(made).reshape(len(x), -1)

        width, height = self.size
        # One face at a time costs no more for each than many at once, and a single one, as most are, far less.
        who = f"{self.name} makes over"
        rows = backends.of_pictures(compute, pictures, self.size, 3 * height * width, who, block=1)
        return to_uint8(rows.reshape(-1, 3, height, width))


def load_makeover(makeover: str | Path, *, threads: int | None = None, quiet: bool = False) -> Makeover:
    """Load a makeover folder, or a makeover that comes with facesmith by its name.

    A folder here goes before a shipped one of its name. One that came along and learned from photos that restrict its
    use says so in a line on stderr, unless ``quiet``. ONNX Runtime computes with that many ``threads``, by default one
    for every core. Raises `FacesmithError` for a folder that is not a makeover, an unknown version, or a file that
    cannot be loaded.
    """
    path = Path(makeover)
    shipped = None if (path / CARD).is_file() else included_folder(str(makeover), CARD)
    path = shipped or path
    if not (path / CARD).is_file():
        what = f"has no {CARD}" if path.is_dir() else "does not exist"
        names = ", ".join(included_makeovers())
        raise FacesmithError(
            f"{path} is not a makeover, it {what}: train one with facesmith train makeover DATASET RUN, "
            "then facesmith export RUN MODEL" + (f", or take one that comes with facesmith ({names})" if names else "")
        )
    card = read_json(path / CARD, "a makeover's card")
    check_version(card, FORMAT, VERSION, path / CARD)
    if shipped is not None and not quiet and card["dataset"]["source"]["kind"] == "celeba":
        tell(f"{makeover} was trained on CelebA: {card['terms']}")
    return Makeover(path, card, threads)
