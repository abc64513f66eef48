"""What every folder of a trained network is, whatever the network does: a place and a card."""

from pathlib import Path
from typing import Any


class Trained:
    """A folder of a trained network; ``card`` is what its card says."""

    def __init__(self, path: Path, card: dict[str, Any]) -> None:
        self.path, self.card = path, card

    @property
    def name(self) -> str:
        return str(self.card["name"])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        width, height = self.card["network"]["size"]
        return width, height

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: two with the same digest do the same."""
        return str(self.card["digest"])
