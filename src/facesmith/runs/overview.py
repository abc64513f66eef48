"""Summarize a run from its card and recipe, without reading its measurements."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from facesmith.errors import FacesmithError
from facesmith.files import read_json
from facesmith.runs.run_files import sample_sheets

CARD, RECIPE, SAMPLES, VIDEO, REPORT = "run.json", "recipe.toml", "samples", "progress.mp4", "report.html"


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


def summarize_run(run: str | Path) -> RunOverview:
    """Summarize a run folder. Raises `FacesmithError` if its card or recipe is unreadable."""
    folder = Path(run)
    try:
        card = read_json(folder / CARD, "the card of a run")
        with (folder / RECIPE).open("rb") as file:
            recipe = tomllib.load(file)["recipe"]
        sheets = sample_sheets(folder / SAMPLES)
        return RunOverview(
            status=card["status"],
            recipe=recipe["name"],
            dataset=card["dataset"]["name"],
            kimg=card.get("kimg") or 0.0,
            goal_kimg=(card.get("goal") or {}).get("kimg"),
            health=card.get("health", card.get("verdict")),
            started=card.get("started"),
            ended=card.get("ended"),
            sheet=sheets[-1][1] if sheets else None,
        )
    except (AttributeError, LookupError, TypeError, ValueError, OSError) as error:
        raise FacesmithError(f"{folder} has no readable card or recipe ({type(error).__name__})") from None
