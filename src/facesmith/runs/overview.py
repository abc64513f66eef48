"""Summarize a run from its card and recipe, without reading its measurements."""

from dataclasses import dataclass
from pathlib import Path

from facesmith.errors import FacesmithError
from facesmith.runs.run_files import read_card, read_recipe, sample_sheets
from facesmith.runs.run_folder import RunFolder


@dataclass(frozen=True)
class RunOverview:
    """What a list of runs shows. While a run trains, only `RunStatus` is up to date."""

    status: str
    recipe: str
    dataset: str
    kimg: float
    goal_kimg: float | None
    health: str | None
    started: str | None
    ended: str | None
    sheet: Path | None  # the newest sample sheet


def summarize_run(path: str | Path) -> RunOverview:
    """Summarize a run folder. Raises `FacesmithError` if its card or recipe is unreadable."""
    run = RunFolder(Path(path))
    card, (recipe, _), sheets = read_card(run), read_recipe(run), sample_sheets(run.samples)
    try:
        return RunOverview(
            status=card["status"],
            recipe=recipe["name"],
            dataset=card["dataset"]["name"],
            kimg=card.get("kimg") or 0.0,
            goal_kimg=(card.get("goal") or {}).get("kimg"),
            health=card.get("health"),
            started=card.get("started"),
            ended=card.get("ended"),
            sheet=sheets[-1][1] if sheets else None,
        )
    except (AttributeError, LookupError, TypeError) as error:
        raise FacesmithError(f"{run.path} has an invalid card or recipe ({type(error).__name__})") from None
