"""Runs → one page that says which won; with a dataset, the runs are trained first."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.progress import silent, tell
from facesmith.reports.compare_page import write_comparison

if TYPE_CHECKING:
    from facesmith.tasks.recipes import Recipe

TURNS = ("every", "ratio:5", "decay:5,0.8,25", "accuracy:0.8")


def compare(
    runs: Sequence[str | Path] = (),
    out: str | Path = "comparison",
    *,
    dataset: str | Path | Dataset | None = None,
    recipe: "str | Recipe" = "artiface",
    turns: Sequence[str] = TURNS,
    settings: tuple[str, ...] = (),
    kimg: float | None = None,
    minutes: float | None = None,
    quiet: bool = False,
) -> Path:
    """Compare runs on one page, OUT/compare.html, with its charts as PNG beside it; returns the page's path.

    With a ``dataset``, ``recipe`` is trained on it first, once for each way of taking ``turns`` between D and G, in
    OUT/runs: from the same seed, on the same data, for the same ``kimg`` or ``minutes``, with the same other
    ``settings``. What is finished there is kept and what is not is gone on with, so that a study that was stopped is
    given the same command again. A training that fails is a result too: the study goes on without it.

    Raises `FacesmithError` for fewer than two runs, a folder that is none, a setting that does not exist, runs in OUT
    that were trained otherwise, or a study that was interrupted.
    """
    out, say = Path(out), silent if quiet else tell
    if out.exists() and not out.is_dir():
        raise FacesmithError(f"{out} is a file: choose a folder for the comparison")
    require("matplotlib", "explore", "comparing runs")
    paths = [Path(run) for run in runs]
    if dataset is not None:
        study = {out / "runs" / _folder(each): f"d_schedule={each}" for each in turns}
        _check_count([*paths, *study])
        paths += _train(study, dataset, recipe, settings, kimg, minutes, quiet)
    elif settings or kimg is not None or minutes is not None:
        raise FacesmithError("settings and a length are for training: give a dataset to train the compared runs on")
    paths = list({path.resolve(): path for path in paths}.values())
    _check_count(paths)
    page = write_comparison(paths, out)
    say(f"look at {page}")
    return page


def _train(
    study: dict[Path, str],
    dataset: str | Path | Dataset,
    recipe: "str | Recipe",
    settings: tuple[str, ...],
    kimg: float | None,
    minutes: float | None,
    quiet: bool,
) -> list[Path]:
    """Bring every run of the study to its goal. ``study`` maps the folder of each to the setting that sets it apart."""
    require("torch", "train", "training the compared runs")
    from facesmith.tasks.recipes import get_recipe, with_settings
    from facesmith.training.loop import train

    say = silent if quiet else tell
    named = get_recipe(recipe) if isinstance(recipe, str) else recipe
    data = dataset if isinstance(dataset, Dataset) else open_dataset(Path(dataset))
    length = () if kimg is None else (f"kimg={kimg}",)
    wanted = {run: with_settings(named, (*settings, *length, own)) for run, own in study.items()}
    for run, asked in wanted.items():  # before any of them trains for hours
        _refuse_other(run, asked, data)
    for number, (run, own) in enumerate(study.items(), start=1):
        goal = wanted[run].kimg
        if _reached(run, goal, minutes):
            say(f"[{number}/{len(study)}] {own}: {run} is trained already")
            continue
        say(f"[{number}/{len(study)}] {own}: training {run}")
        begun = (run / "recipe.toml").exists()
        try:
            train(named, data, run, settings=(*settings, own), kimg=goal, minutes=minutes, resume=begun, quiet=quiet)
        except FacesmithError as error:
            if _status(run) != "failed":
                raise
            say(f"{run} failed, and the study goes on: {error}")
        if _status(run) == "interrupted":
            raise FacesmithError(f"the study was stopped in {run}: give the same command again to go on with it")
    return list(study)


def _refuse_other(run: Path, asked: "Recipe", data: Dataset) -> None:
    """Raise `FacesmithError` when a run that exists was trained otherwise than the study asks."""
    from facesmith.runs.run_folder import RunFolder, read_recipe
    from facesmith.tasks.recipes import LENGTH_SETTINGS, as_table, differences

    if not (run / "recipe.toml").exists():
        return
    own, trained_on = read_recipe(RunFolder(run))
    # What a resume may change is not looked at, and what "auto" turned out to mean was settled when the run began.
    free = (*LENGTH_SETTINGS, "threads")
    settled = {key: value for key, value in as_table(asked).items() if value == "auto" or key in free}
    changed = differences(replace(own, **settled), asked)
    if trained_on.get("dataset_fingerprint") != data.fingerprint:
        changed.append(f"dataset {trained_on.get('dataset')} -> {data.path}")
    if changed:
        raise FacesmithError(
            f"{run} was trained otherwise ({'; '.join(changed)}): choose another folder for this comparison, "
            f"or remove that run"
        )


def _reached(run: Path, kimg: float, minutes: float | None) -> bool:
    from facesmith.runs.run_folder import RunFolder, read_card

    if _status(run) != "finished":
        return False
    return bool(read_card(RunFolder(run)).get("goal") == {"kimg": kimg, "minutes": minutes})


def _status(run: Path) -> str | None:
    from facesmith.runs.run_folder import RunFolder, read_card

    return read_card(RunFolder(run)).get("status") if (run / "run.json").exists() else None


def _check_count(runs: Sequence[Path]) -> None:
    if len({run.resolve() for run in runs}) < 2:
        raise FacesmithError(
            "a comparison takes at least two runs: name two run folders, or a dataset and two ways of taking turns"
        )


def _folder(turns: str) -> str:
    """A name for the run that takes ``turns``, free of what a file system or a shell would trip over."""
    return re.sub(r"[^\w.]+", "-", turns).strip("-.")
