"""The models that come with facesmith: model folders beside this file, loaded by their names."""

from pathlib import Path
from typing import Any

from facesmith.files import read_json

FOLDER = Path(__file__).parent
DEFAULT = "drawn64"  # trained on faces that facesmith draws: whoever asks for no other model gets one free to use


def shipped_models() -> dict[str, str]:
    """The names of the models that come with facesmith, and a line on each: its pictures, its data, its terms."""
    return {path.parent.name: _about(read_json(path, "a model's card")) for path in sorted(FOLDER.glob("*/model.json"))}


def shipped_folder(name: str) -> Path | None:
    """The folder of the shipped model of that name, or None where there is none."""
    return next((path.parent for path in FOLDER.glob("*/model.json") if path.parent.name == name), None)


def _about(card: dict[str, Any]) -> str:
    (width, height), data = card["network"]["size"], card["dataset"]
    return f"{width}x{height} faces after {data['count']:,} pictures of {data['source']['name']}, {card['terms']}"
