"""A run folder as its readers see it: what is there, read as it stands while training may still be writing."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.files import check_version, finished_files, read_json
from facesmith.runs.metrics import Columns, read_columns, read_metrics, read_timing, unreadable_lines
from facesmith.runs.old_names import current_card, current_line, current_table

_LONGEST_HEADER = 10_000_000  # bytes, of a safetensors file that names a few hundred tensors


@dataclass(frozen=True)
class Undone:
    """What rollback ``number`` set aside: the verdict that led to it, the kimg reached by then, the last sheet."""

    number: int
    health: str | None
    kimg: float | None
    sheet: tuple[float, Path] | None


@dataclass(frozen=True)
class RunFiles:
    """``card`` is run.json, ``recipe`` and ``settings`` the two tables of recipe.toml, ``samples`` the sample sheets
    in the order of training with the kimg in their names, ``verdict`` the watch's newest, ``best`` what the best G by
    KID says of itself; what a run does not have yet is empty."""

    path: Path
    card: dict[str, Any]
    recipe: dict[str, Any]
    settings: dict[str, Any]
    metrics: Columns
    timing: Columns
    broken_lines: int
    samples: list[tuple[float, Path]]
    scores: Columns
    best: dict[str, Any]
    health: str | None
    undone: list[Undone]

    def file(self, name: str) -> Path | None:
        """A file of the run by its name, or None where it is not there or empty."""
        path = self.path / name
        return path if path.is_file() and path.stat().st_size > 0 else None


@dataclass(frozen=True)
class Measured:
    """What a run has written down line by line, so far."""

    metrics: Columns
    timing: Columns
    scores: Columns
    broken_lines: int
    health: str | None


def read_run(run: Path, measured: Measured | None = None) -> RunFiles:
    """Read a run folder without its checkpoints; raises `FacesmithError` when ``run`` is no run folder.

    ``measured`` is what has been read already of the files that grow.
    """
    if not (run / "run.json").is_file():
        raise FacesmithError(
            f"{run} is not a run folder, it has no run.json: give the folder that facesmith train wrote"
        )
    card = read_json(run / "run.json", "the card of a run")
    if not isinstance(card, dict):
        raise FacesmithError(f"{run / 'run.json'} cannot be read as the card of a run: it holds no table")
    check_version(card, "facesmith-run", 2, run / "run.json", oldest=1)
    tables = _read_toml(run / "recipe.toml")
    found = measured or _measured(run)
    return RunFiles(
        path=run,
        card=current_card(card),
        recipe=current_table(_table(tables, "recipe")) if "recipe" in tables else {},
        settings=_table(tables, "run"),
        metrics=found.metrics,
        timing=found.timing,
        broken_lines=found.broken_lines,
        samples=sample_sheets(run / "samples"),
        scores=found.scores,
        best=_card_within(run / "best.safetensors"),
        health=found.health,
        undone=_undone(run / "rolled_back"),
    )


def _measured(run: Path) -> Measured:
    return Measured(
        metrics=read_metrics(run),
        timing=read_timing(run),
        scores=read_columns(run / "scores.jsonl"),
        broken_lines=unreadable_lines(run / "metrics.jsonl") + unreadable_lines(run / "timing.jsonl"),
        health=_last_health(run / "metrics.jsonl"),
    )


def sample_sheets(folder: Path) -> list[tuple[float, Path]]:
    """KIMG.png in a folder in the order of training, as (kimg, path); other files there are passed over."""
    found = []
    for path in finished_files(folder, ".png"):
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


def _undone(folder: Path) -> list[Undone]:
    numbers = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal()) if folder.is_dir() else []
    found = []
    for number in numbers:
        part = folder / str(number)
        kimg = read_metrics(part).get("kimg")
        sheets = sample_sheets(part)
        reached = float(kimg[-1]) if kimg is not None and len(kimg) else None
        found.append(Undone(number, _last_health(part / "metrics.jsonl"), reached, sheets[-1] if sheets else None))
    return found


def _last_health(path: Path) -> str | None:
    """What the watch said on the last whole line of the metrics; None before there was a watch."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    for line in reversed(lines):
        try:
            health = current_line(json.loads(line)).get("health")
        except (ValueError, AttributeError, TypeError):
            continue  # broken by a kill
        return health if isinstance(health, str) else None
    return None


def _card_within(path: Path) -> dict[str, Any]:
    """The card in the header of a safetensors file, which is a length and then JSON; empty where there is none."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _LONGEST_HEADER)))
        card = json.loads(header["__metadata__"]["facesmith"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return card if isinstance(card, dict) else {}


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
