"""The run folder: what a training was asked to do, where it stands, and what it has recorded."""

import datetime
import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json, write_json, write_text
from facesmith.runs.old_names import current_card, current_line
from facesmith.tasks.recipes import from_table
from facesmith.training.settings import Recipe, as_table

FORMAT, VERSION = "facesmith-run", 2


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def card(self) -> Path:
        return self.path / "run.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        return self.path / "timing.jsonl"

    @property
    def scores(self) -> Path:
        return self.path / "scores.jsonl"

    @property
    def records(self) -> tuple[Path, ...]:
        """What gets longer line by line, each line with its step."""
        return self.metrics, self.timing, self.scores

    @property
    def best(self) -> Path:
        return self.path / "best.safetensors"

    @property
    def pretrained(self) -> Path:
        """Copies of the trained folders that the training builds on; version 0.1 called it given."""
        old = self.path / "given"
        return old if old.is_dir() else self.path / "pretrained"

    @property
    def rolled_back(self) -> Path:
        """What was recorded and then undone, a folder for each rollback."""
        return self.path / "rolled_back"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"


def write_recipe(run: RunFolder, recipe: Recipe, dataset: Dataset) -> None:
    """Write recipe.toml: every setting, resolved, and what it is trained on."""
    where = {
        "dataset": str(dataset.path.resolve()),
        "dataset_name": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "count": len(dataset),
        "width": dataset.size[0],
        "height": dataset.size[1],
    }
    head = "# Everything this run was trained with. Changing it here changes nothing: facesmith refuses to resume it.\n"
    write_text(run.recipe, head + _toml("recipe", as_table(recipe)) + "\n" + _toml("run", where))


def read_recipe(run: RunFolder) -> tuple[Recipe, dict[str, Any]]:
    """The recipe of a run, and what it says of its dataset."""
    try:
        tables = tomllib.loads(run.recipe.read_text(encoding="utf-8"))
        recipe, where = tables["recipe"], tables["run"]
    except FileNotFoundError:
        raise FacesmithError(
            f"{run.path} is not a run: it has no recipe.toml (make one with facesmith train)"
        ) from None
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise FacesmithError(f"{run.recipe} cannot be read: {error}") from None
    return from_table(recipe), where


def read_card(run: RunFolder) -> dict[str, Any]:
    """run.json, its version checked."""
    card: dict[str, Any] = read_json(run.card, "a run's card")
    check_version(card, FORMAT, VERSION, run.card, oldest=1)
    return current_card(card)


def write_card(run: RunFolder, card: dict[str, Any]) -> None:
    write_json(run.card, {"format": FORMAT, "version": VERSION} | card)


def now() -> str:
    """The time as the cards write it: ISO 8601, UTC, whole seconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def append_line(path: Path, values: Mapping[str, float | int | str]) -> None:
    """Add a line of JSON; NaN and infinity, which JSON has no word for, become null."""
    finite = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in values.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(finite) + "\n")


def cut_lines(path: Path, step: int, keep: Path | None = None) -> None:
    """Drop what was recorded after ``step``, and a line broken by a kill; ``keep`` is where to put it instead."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(True)
        if keep:
            write_text(keep, "".join(line for line in lines if not _upto(line, step)))
        write_text(path, "".join(line for line in lines if _upto(line, step)))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a record, none if there is no file."""
    return (
        [current_line(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
        if path.exists()
        else []
    )


def _upto(line: str, step: int) -> bool:
    try:
        return line.endswith("\n") and int(json.loads(line)["step"]) <= step
    except (ValueError, KeyError, TypeError):
        return False


def _toml(table: str, values: dict[str, Any]) -> str:
    # The standard library reads TOML but does not write it; JSON's strings and numbers are TOML's too.
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    rows: Iterable[str] = (
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in values.items()
        if value is not None and key not in tables
    )
    return f"[{table}]\n" + "".join(rows) + "".join("\n" + _toml(f"{table}.{key}", tables[key]) for key in tables)
