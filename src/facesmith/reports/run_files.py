"""A run folder as its readers see it: what is there, read as it stands while training may still be writing."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json, whole
from facesmith.reports.metrics_file import Columns, read_metrics, read_timing, unreadable_lines


@dataclass(frozen=True)
class RunFiles:
    """``card`` is run.json, ``recipe`` and ``settings`` the two tables of recipe.toml, ``samples`` the sample sheets
    in the order of training with the kimg in their names; what a run does not have yet is empty."""

    path: Path
    card: dict[str, Any]
    recipe: dict[str, Any]
    settings: dict[str, Any]
    metrics: Columns
    timing: Columns
    broken_lines: int
    samples: list[tuple[float, Path]]

    def file(self, name: str) -> Path | None:
        """A file of the run by its name, or None where it is not there or empty."""
        path = self.path / name
        return path if path.is_file() and path.stat().st_size > 0 else None


def read_run(run: Path) -> RunFiles:
    """Read a run folder without its checkpoints; raises `FacesmithError` when ``run`` is no run folder."""
    if not (run / "run.json").is_file():
        raise FacesmithError(
            f"{run} is not a run folder, it has no run.json: give the folder that facesmith train wrote"
        )
    card = read_json(run / "run.json", "the card of a run")
    if not isinstance(card, dict):
        raise FacesmithError(f"{run / 'run.json'} cannot be read as the card of a run: it holds no table")
    check_version(card, "facesmith-run", 1, run / "run.json")
    tables = _read_toml(run / "recipe.toml")
    return RunFiles(
        path=run,
        card=card,
        recipe=_table(tables, "recipe"),
        settings=_table(tables, "run"),
        metrics=read_metrics(run),
        timing=read_timing(run),
        broken_lines=unreadable_lines(run / "metrics.jsonl") + unreadable_lines(run / "timing.jsonl"),
        samples=sample_sheets(run),
    )


def sample_sheets(run: Path) -> list[tuple[float, Path]]:
    """RUN/samples/KIMG.png in the order of training, as (kimg, path); other files there are passed over."""
    found = []
    for path in whole(run / "samples", ".png"):
        try:
            found.append((float(path.stem), path))
        except ValueError:
            continue
    return sorted(found)


def plain_value(value: Any) -> str:
    """A setting as a reader types it: yes and no, numbers without noise, tables and lists on one line."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FacesmithError(f"{path} cannot be read as the recipe of a run: {error}") from None


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    table = tables.get(name)
    return table if isinstance(table, dict) else {}
