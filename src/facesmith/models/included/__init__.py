"""The models and makeovers included in facesmith: folders beside this file, loaded by their names."""

from pathlib import Path
from typing import Any

from facesmith.files import read_json

INCLUDED_FOLDER = Path(__file__).parent
DEFAULT_MODEL = "drawn64"  # trained on faces that facesmith draws, so everyone may use it


def included_models() -> dict[str, str]:
    """Return the name of every included model with a line on its size, data and terms."""
    return {name: f"{_size(card)} faces {_data(card)}" for name, card in _cards("model.json")}


def included_makeovers() -> dict[str, str]:
    """Return the name of every included makeover with a line on its directions, data and terms."""
    return {
        name: f"{' and '.join(direction['name'] for direction in card['directions'])} of {_size(card)} faces "
        f"{_data(card)}"
        for name, card in _cards("makeover.json")
    }


def included_names(card_file: str) -> list[str]:
    """Return the names of the included folders that hold this card file."""
    return sorted(path.parent.name for path in INCLUDED_FOLDER.glob(f"*/{card_file}"))


def included_folder(name: str, card_file: str) -> Path | None:
    """Return the included folder of that name if it holds this card file."""
    return INCLUDED_FOLDER / name if name in included_names(card_file) else None


def _cards(card_file: str) -> list[tuple[str, Any]]:
    names = included_names(card_file)
    return [(name, read_json(INCLUDED_FOLDER / name / card_file, "a model's card")) for name in names]


def _size(card: dict[str, Any]) -> str:
    width, height = card["network"]["size"]
    return f"{width}x{height}"


def _data(card: dict[str, Any]) -> str:
    data = card["dataset"]
    return f"trained on {data['count']:,} images of {data['source']['name']}, {card['terms']}"
