"""What comes with facesmith: folders of models and makeovers beside this file, loaded by their names."""

from pathlib import Path
from typing import Any

from facesmith.files import read_json

FOLDER = Path(__file__).parent
DEFAULT = "drawn64"  # trained on faces that facesmith draws: whoever asks for no other model gets one free to use


def included_models() -> dict[str, str]:
    """The names of the models that come with facesmith, and a line on each: its pictures, its data, its terms."""
    return {name: f"{_size(card)} faces {_about(card)}" for name, card in _cards("model.json")}


def included_makeovers() -> dict[str, str]:
    """The names of the makeovers that come with facesmith, and a line on each: what they do, data, terms."""
    return {
        name: f"{' and '.join(each['name'] for each in card['directions'])} of {_size(card)} faces {_about(card)}"
        for name, card in _cards("makeover.json")
    }


def included_folder(name: str, card: str) -> Path | None:
    """The folder of that name that came along with such a ``card``, the file that says what it is; None without one."""
    return next((path.parent for path in FOLDER.glob(f"*/{card}") if path.parent.name == name), None)


def _cards(card: str) -> list[tuple[str, Any]]:
    return [(path.parent.name, read_json(path, "a model's card")) for path in sorted(FOLDER.glob(f"*/{card}"))]


def _size(card: dict[str, Any]) -> str:
    width, height = card["network"]["size"]
    return f"{width}x{height}"


def _about(card: dict[str, Any]) -> str:
    data = card["dataset"]
    return f"after {data['count']:,} pictures of {data['source']['name']}, {card['terms']}"
