"""The model folder: a card, network files and a README. Only this package reads and writes these files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import atomic_folder, check_version, read_json, utf8_path, write_json, write_text
from facesmith.hub import hub_options, load_client, translate_errors
from facesmith.models.front_matter import add_front_matter, model_fields, strip_front_matter
from facesmith.progress import tell

VERSION = 1
INCLUDED_FOLDER = Path(__file__).parent / "included"  # one folder for each included model, by its name
DEFAULT_MODEL = "drawn128"
"""The included model that is used by default. Everyone may use its faces, with credit to the artist."""
HUB_FILES = ["*.json", "*.safetensors", "*.onnx", "README.md"]


@dataclass(frozen=True)
class CardFormat:
    """The card of one kind of model folder: its file, the name of its format, the stem of its network's files."""

    kind: str
    file: str
    name: str
    network: str


# Every format that is read. New folders use the first of their kind.
CARD_FORMATS = (
    CardFormat("generator", "model.json", "facesmith-model", "generator"),
    CardFormat("classifier", "classifier.json", "facesmith-classifier", "classifier"),
    CardFormat("makeover", "makeover.json", "facesmith-makeover", "makeover"),
    CardFormat("classifier", "judge.json", "facesmith-judge", "judge"),  # version 0.1
)
MODEL_CARDS = {card.file: card.kind for card in CARD_FORMATS}  # card file -> kind of model
_NOUNS = {"generator": "a model", "classifier": "an attribute classifier", "makeover": "a makeover"}
_REMEDIES = {
    "generator": "create one with facesmith export RUN MODEL",
    "classifier": "train one with facesmith train classifier DATASET RUN, then facesmith export RUN CLASSIFIER",
    "makeover": "train one with facesmith train makeover DATASET RUN, then facesmith export RUN MAKEOVER",
}


@dataclass(frozen=True)
class ModelFolder:
    """The files of a model folder of one kind: "generator", "classifier" or "makeover"."""

    path: Path
    kind: str

    @cached_property
    def _format(self) -> CardFormat:
        formats = [card for card in CARD_FORMATS if card.kind == self.kind]
        return next((card for card in formats if (self.path / card.file).is_file()), formats[0])

    @property
    def card(self) -> Path:
        return self.path / self._format.file

    @property
    def weights(self) -> Path:
        return self.path / f"{self._format.network}.safetensors"

    @property
    def onnx(self) -> Path:
        return self.path / f"{self._format.network}.onnx"

    @property
    def encoder_weights(self) -> Path:
        return self.path / "encoder.safetensors"

    @property
    def encoder_onnx(self) -> Path:
        return self.path / "encoder.onnx"

    @property
    def readme(self) -> Path:
        return self.path / "README.md"

    def read_card(self) -> dict[str, Any]:
        """Read the card. Raises `FacesmithError` for another format and an unknown version."""
        card: dict[str, Any] = read_json(self.card, "a model's card")
        check_version(card, self._format.name, VERSION, self.card)
        return card

    def write_card(self, card: dict[str, Any]) -> None:
        """Write the card, with its format and version as the first keys."""
        write_json(self.card, {"format": self._format.name, "version": VERSION} | card)

    def read_weights(self) -> dict[str, Any]:
        """Read the weights of its network as torch tensors."""
        safetensors = require("safetensors.torch", "train", "reading weights")
        with utf8_path(self.weights) as link:
            state: dict[str, Any] = safetensors.load_file(link)
        return state

    def read_readme(self) -> str:
        """Read README.md without its front matter; "" when the folder has none."""
        return strip_front_matter(self.readme.read_text(encoding="utf-8")) if self.readme.is_file() else ""

    def write_readme(self, text: str) -> None:
        """Write README.md, with front matter made from the card."""
        write_text(self.readme, add_front_matter(text, model_fields(self.kind, self.read_card())))


@contextmanager
def new_model_folder(path: Path, kind: str) -> Iterator[ModelFolder]:
    """Yield a new model folder that appears at ``path`` on success and is removed on any error."""
    with atomic_folder(path, _NOUNS[kind].partition(" ")[2]) as folder:
        yield ModelFolder(folder, kind)


def find_model_folder(source: str | Path, kind: str) -> tuple[ModelFolder, bool]:
    """Return the folder of a path, of an included model's name or of a hub id, and whether it is included.

    A folder takes precedence over an included model of the same name. Raises `FacesmithError` for a source that leads
    to no model of that kind, and for a hub id that cannot be downloaded.
    """
    folder = ModelFolder(Path(source), kind)
    included = None if folder.card.is_file() else included_folder(str(source), folder.card.name)
    if included is not None:
        return ModelFolder(included, kind), True
    if not folder.path.exists() and _is_hub_id(str(source)):
        folder = ModelFolder(_download(str(source)), kind)
    if not folder.card.is_file():
        reason = f"has no {folder.card.name}" if folder.path.is_dir() else "does not exist"
        if str(source) in {path.name for path in INCLUDED_FOLDER.iterdir()}:
            reason = "it is an included model of another kind"
        names = ", ".join(included_names(folder.card.name))
        raise FacesmithError(
            f"{source} is not {_NOUNS[kind]} folder ({reason}): {_REMEDIES[kind]}"
            + (f", or use an included one ({names})" if names else "")
        )
    return folder, False


def open_model_folder(source: str | Path, kind: str, *, quiet: bool = False) -> tuple[ModelFolder, dict[str, Any]]:
    """Find a model folder and read its card; see `find_model_folder`.

    Print the terms of an included model that was trained on photos with restricted use, unless ``quiet``.
    """
    folder, is_included = find_model_folder(source, kind)
    card = folder.read_card()
    if is_included and not quiet and card["dataset"]["source"]["kind"] == "celeba":
        tell(f"{source} was trained on CelebA: {card['terms']}")
    return folder, card


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


def included_classifiers() -> dict[str, str]:
    """Return the name of every included attribute classifier with a line on its attributes, data and terms."""
    return {
        name: f"{len(card['attributes'])} attributes of {_size(card)} faces {_data(card)}"
        for name, card in _cards("classifier.json")
    }


def included_names(card_file: str) -> list[str]:
    """Return the names of the included folders that hold this card file."""
    names = (path.parent.name for path in INCLUDED_FOLDER.glob(f"*/{card_file}"))
    return sorted(names, key=lambda name: (name != DEFAULT_MODEL, name))


def included_folder(name: str, card_file: str) -> Path | None:
    """Return the included folder of that name if it holds this card file."""
    return INCLUDED_FOLDER / name if name in included_names(card_file) else None


def _is_hub_id(text: str) -> bool:
    """Return whether a text can be OWNER/NAME or OWNER/NAME@REVISION."""
    owner, slash, name = text.partition("@")[0].partition("/")
    return bool(slash) and bool(owner.strip(".~")) and bool(name) and "/" not in name and "\\" not in text


def _download(source: str) -> Path:
    repository, _, revision = source.partition("@")
    try:
        hub = load_client("loading a model from the hub")
        with translate_errors(source):
            options = {"revision": revision or None, "allow_patterns": HUB_FILES}
            return Path(hub.snapshot_download(repository, **options, **hub_options()))
    except FacesmithError as error:
        raise FacesmithError(f"there is no model folder {source}, and {error}") from None


def _cards(card_file: str) -> list[tuple[str, Any]]:
    names = included_names(card_file)
    return [(name, read_json(INCLUDED_FOLDER / name / card_file, "a model's card")) for name in names]


def _size(card: dict[str, Any]) -> str:
    width, height = card["network"]["size"]
    return f"{width}x{height}"


def _data(card: dict[str, Any]) -> str:
    data = card["dataset"]
    return f"trained on {data['count']:,} images from {data['source']['name']}, {card['terms']}"
