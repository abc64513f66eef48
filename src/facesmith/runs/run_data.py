"""Read run.json, recipe.toml and the measurements of a run folder, which may still be training."""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.files import check_version, finished_files, read_json
from facesmith.runs.checkpoints import read_metadata
from facesmith.runs.json_lines import Columns, JsonLines, last_value
from facesmith.runs.old_names import current_card, current_table
from facesmith.runs.run_folder import FORMAT, OLDEST_VERSION, VERSION, RunFolder

Sample = tuple[float, Path]  # kimg and path of a sample sheet


@dataclass(frozen=True)
class Rollback:
    """What rollback ``number`` removed: the health that led to it, the kimg reached, the last sample sheet."""

    number: int
    health: str | None
    kimg: float | None
    sheet: Sample | None


@dataclass(frozen=True)
class RunData:
    """The content of a run folder without its checkpoints; what the run does not have yet is empty.

    ``card`` is run.json. ``recipe``, and ``trained_on`` for the dataset, are the tables of recipe.toml. ``samples`` are
    the sample sheets in the order of training. ``health`` is the newest, ``best`` the metadata of the EMA with the best
    score.
    """

    path: Path
    card: dict[str, Any]
    recipe: dict[str, Any]
    trained_on: dict[str, Any]
    metrics: Columns
    timing: Columns
    broken_lines: int
    samples: list[Sample]
    scores: Columns
    best: dict[str, Any]
    health: str | None
    rollbacks: list[Rollback]

    def card_table(self, name: str) -> dict[str, Any]:
        """Return a table of run.json; it is empty if the run has none of this name."""
        table = self.card.get(name)
        return table if isinstance(table, dict) else {}

    def file(self, name: str) -> Path | None:
        """Return the path of a file of the run, or None if it does not exist or is empty."""
        path = self.path / name
        return path if path.is_file() and path.stat().st_size > 0 else None


def read_run(path: Path, tables: Mapping[str, JsonLines] | None = None) -> RunData:
    """Read a run folder. Raises `FacesmithError` if it is not one.

    ``tables`` are the "metrics", "timing" and "scores" as far as they have been read already; without them they are
    read to the end.
    """
    run = RunFolder(path)
    card = read_card(run)
    recipe, trained_on = read_recipe(run) if run.exists else ({}, {})
    if tables is None:
        tables = new_tables(run)
        for table in tables.values():
            table.refresh(final=True)
    best: dict[str, Any] = {}
    with suppress(FacesmithError):
        best = read_metadata(run.best)
    return RunData(
        path=path,
        card=card,
        recipe=recipe,
        trained_on=trained_on,
        metrics=tables["metrics"].columns,
        timing=tables["timing"].columns,
        broken_lines=tables["metrics"].broken_lines + tables["timing"].broken_lines,
        samples=sample_sheets(run.samples),
        scores=tables["scores"].columns,
        best=best,
        health=tables["metrics"].health,
        rollbacks=_rollbacks(run.rolled_back),
    )


def new_tables(run: RunFolder) -> dict[str, JsonLines]:
    """Return the tables "metrics", "timing" and "scores" of a run, of which nothing has been read yet."""
    return {record.stem: JsonLines(record) for record in run.records}


def read_card(run: RunFolder) -> dict[str, Any]:
    """Return run.json with current names. Raises `FacesmithError` if ``run`` is not a run folder."""
    if not run.card.is_file():
        raise FacesmithError(f"{run.path} is not a run folder (it has no run.json): pass the folder of a run")
    card = read_json(run.card, "a run card")
    if not isinstance(card, dict):
        raise FacesmithError(f"{run.card} is not a run card: expected a JSON object")
    check_version(card, FORMAT, VERSION, run.card, oldest=OLDEST_VERSION)
    return current_card(card)


def read_recipe(run: RunFolder) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tables of recipe.toml with current names: the recipe, and the dataset it was trained on."""
    try:
        tables = tomllib.loads(run.recipe.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FacesmithError(
            f"{run.path} is not a run (it has no recipe.toml): create one with facesmith train"
        ) from None
    except (OSError, ValueError) as error:
        raise FacesmithError(f"{run.recipe} cannot be read as the recipe of a run: {error}") from None
    recipe, trained_on = (table if isinstance(table := tables.get(name), dict) else {} for name in ("recipe", "run"))
    return current_table(recipe) if recipe else {}, trained_on


def sample_sheets(folder: Path) -> list[Sample]:
    """Return the sample sheets in a folder in the order of training; other files are ignored."""
    sheets = []
    for path in finished_files(folder, ".png"):
        with suppress(ValueError):
            sheets.append((float(path.stem), path))
    return sorted(sheets)


def _rollbacks(folder: Path) -> list[Rollback]:
    numbers = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal()) if folder.is_dir() else []
    rollbacks = []
    for number in numbers:
        run = RunFolder(folder / str(number))
        metrics = JsonLines(run.metrics)
        metrics.refresh(final=True)
        sheets = sample_sheets(run.path)
        last_kimg = last_value(metrics.columns, "kimg")
        rollbacks.append(Rollback(number, metrics.health, last_kimg, sheets[-1] if sheets else None))
    return rollbacks
