"""Compare runs on one page. With a dataset, the runs are trained first."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.progress import silent, tell
from facesmith.reports.compare_report import write_comparison
from facesmith.runs.run_data import read_card, read_recipe
from facesmith.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from facesmith.training.settings import Recipe

D_SCHEDULES = ("every", "ratio:5", "decay:5,0.8,25", "accuracy:0.8")


def compare(
    runs: Sequence[str | Path] = (),
    out: str | Path = "comparison",
    *,
    dataset: str | Path | Dataset | None = None,
    recipe: "str | Recipe" = "artiface",
    d_schedules: Sequence[str] = D_SCHEDULES,
    settings: tuple[str, ...] = (),
    kimg: float | None = None,
    minutes: float | None = None,
    quiet: bool = False,
    turns: Sequence[str] | None = None,
) -> Path:
    """Write OUT/compare.html, which compares runs, and its charts as PNG files next to it. Return the path of the page.

    With a ``dataset``, ``recipe`` is first trained on it in OUT/runs, once for each of ``d_schedules`` (when D is
    trained), with the same seed, data, ``settings`` and ``kimg`` or ``minutes``. Finished runs there are kept and
    others resumed: to continue an interrupted study, call this again with the same arguments. A run that fails is
    compared, too. ``turns`` is the name that version 0.1 had for ``d_schedules``.

    Raises `FacesmithError` for fewer than two runs, a folder that is not a run, an unknown setting, runs in OUT with
    other settings, or an interrupted study.
    """
    if turns is not None:
        warnings.warn("turns is now d_schedules", DeprecationWarning, stacklevel=2)
        d_schedules = turns
    out, notify = Path(out), silent if quiet else tell
    if out.exists() and not out.is_dir():
        raise FacesmithError(f"{out} is a file: choose a folder for the comparison")
    require("matplotlib", "explore", "comparing runs")
    paths = [Path(run) for run in runs]
    if dataset is not None:
        study = {out / "runs" / _folder(schedule): f"d_schedule={schedule}" for schedule in d_schedules}
        _check_count([*paths, *study])
        paths += _train(study, dataset, recipe, settings, kimg, minutes, quiet)
    elif settings or kimg is not None or minutes is not None:
        raise FacesmithError("settings, kimg and minutes apply only to training: pass a dataset to train on")
    paths = list({path.resolve(): path for path in paths}.values())
    _check_count(paths)
    page = write_comparison(paths, out)
    notify(f"comparison: {page}")
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
    """Train each run of the study to its goal. ``study`` maps run folders to the setting in which they differ."""
    require("torch", "train", "training the compared runs")
    from facesmith.tasks.gan.start import inherited_settings
    from facesmith.tasks.recipes import get_recipe
    from facesmith.tasks.train import train
    from facesmith.training.settings import with_settings

    notify = silent if quiet else tell
    base = get_recipe(recipe) if isinstance(recipe, str) else recipe
    data = dataset if isinstance(dataset, Dataset) else open_dataset(Path(dataset))
    length = () if kimg is None else (f"kimg={kimg}",)
    inherited = inherited_settings(base, settings)
    recipes = {
        run: with_settings(base, (*inherited, *settings, *length, difference)) for run, difference in study.items()
    }
    for run, study_recipe in recipes.items():  # check all runs before the first one trains for hours
        _refuse_other_settings(run, study_recipe, data)
    for number, (run, difference) in enumerate(study.items(), start=1):
        goal = recipes[run].kimg
        label = f"[{number}/{len(study)}] {difference}"
        card = _card(run)
        if card.get("status") == "finished" and card.get("goal") == {"kimg": goal, "minutes": minutes}:
            notify(f"{label}: {run} is already trained")
            continue
        notify(f"{label}: training {run}")
        resume = RunFolder(run).exists
        try:
            train(
                base,
                data,
                run,
                settings=(*settings, difference),
                kimg=goal,
                minutes=minutes,
                resume=resume,
                quiet=quiet,
            )
        except FacesmithError as error:
            if _card(run).get("status") != "failed":
                raise
            notify(f"{run} failed ({error}); the comparison continues")
        if _card(run).get("status") == "interrupted":
            raise FacesmithError(
                f"the comparison was interrupted while training {run}: run the same command again to continue"
            )
    return list(study)


def _refuse_other_settings(run: Path, recipe: "Recipe", data: Dataset) -> None:
    """Raise `FacesmithError` if an existing run has other settings or another dataset than the study."""
    from facesmith.tasks.recipes import from_table
    from facesmith.training.settings import RESUMABLE_SETTINGS, differences

    if not RunFolder(run).exists:
        return
    table, trained_on = read_recipe(RunFolder(run))
    old_recipe = from_table(table, RunFolder(run).recipe)
    # A resume may change some settings, and the run has resolved "auto".
    resolved = [key for key, value in recipe.as_dict().items() if value == "auto"]
    changed = differences(old_recipe, recipe, (*RESUMABLE_SETTINGS, "threads", *resolved))
    if trained_on.get("dataset_fingerprint") != data.fingerprint:
        changed.append(f"dataset {trained_on.get('dataset')} -> {data.path}")
    if changed:
        raise FacesmithError(
            f"{run} has different settings ({'; '.join(changed)}): choose a different folder for the comparison, or "
            "remove this run"
        )


def _card(run: Path) -> dict[str, object]:
    folder = RunFolder(run)
    return read_card(folder) if folder.card.exists() else {}


def _check_count(runs: Sequence[Path]) -> None:
    if len({run.resolve() for run in runs}) < 2:
        raise FacesmithError(
            "a comparison requires at least two runs: pass two run folders, or a dataset and two D schedules"
        )


def _folder(d_schedule: str) -> str:
    """Return a folder name for a run: only letters, digits, dots and hyphens."""
    return re.sub(r"[^\w.]+", "-", d_schedule).strip("-.")
