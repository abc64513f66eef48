"""Checks before a run is resumed: its recipe, its checkpoints and its metrics must belong together."""

from facesmith.errors import FacesmithError
from facesmith.progress import tell
from facesmith.runs.checkpoints import kimg_name, list_checkpoints, read_metadata
from facesmith.runs.json_lines import read_columns
from facesmith.runs.run_data import read_card
from facesmith.runs.run_folder import RunFolder
from facesmith.training.settings import RESUMABLE_SETTINGS, Recipe, differences


def check_recipe(run: RunFolder, recipe: Recipe, recorded: Recipe) -> None:
    """Raise `FacesmithError` if recipe.toml, read as ``recipe``, differs from the settings ``recorded`` in run.json.

    Both take defaults for settings that they lack, so that a run of an older version resumes. The settings that may
    change on resume may also be edited.
    """
    if edits := differences(recorded, recipe, RESUMABLE_SETTINGS):
        raise FacesmithError(
            f"{run.recipe} was edited ({'; '.join(edits)}): restore the old values, or pass the new values with "
            "--set to a new run or a branch"
        )


def check_records(run: RunFolder, recipe: Recipe) -> None:
    """Raise `FacesmithError` if the checkpoints of a run are gone, or its metrics do not lead to the last one."""
    card, paths = read_card(run), list_checkpoints(run.checkpoints)
    # Runs of version 0.1 do not record their last checkpoint; a run that ended without an error has one.
    was_saved = card.get("status") in ("finished", "interrupted") and card.get("kimg")
    recorded = card.get("checkpoint") or (kimg_name(card["kimg"]) if was_saved else None)
    if not paths:
        if recorded:
            raise FacesmithError(
                f"{run.path} had a checkpoint at {float(recorded):g} kimg, but {run.checkpoints} has none: restore "
                "it, or train a new run"
            )
        return
    newest = paths[-1].stem
    if recorded and newest < recorded:
        tell(f"the checkpoint at {float(recorded):g} kimg is missing: the run resumes at {float(newest):g} kimg")
    metadata = read_metadata(paths[-1])
    kimg = metadata["images_seen"] / 1000
    if kimg_name(kimg) != newest:
        raise FacesmithError(
            f"{paths[-1]} was renamed (it is the checkpoint at {kimg:g} kimg): restore the original name"
        )
    _check_metrics(run, metadata["step"], metadata["images_seen"], recipe.log_steps)


def _check_metrics(run: RunFolder, step: int, images_seen: int, log_steps: int) -> None:
    """Raise `FacesmithError` unless metrics.jsonl has the lines of all steps up to a checkpoint."""
    columns = read_columns(run.metrics)
    steps, kimg = ([*columns.get(name, ())] for name in ("step", "kimg"))
    lines = [(int(s), float(k)) for s, k in zip(steps, kimg, strict=True) if s <= step]
    last, last_kimg = lines[-1] if lines else (0, 0.0)
    # A branch may continue the lines of a run with another log_steps.
    interval = max(log_steps, last - lines[-2][0] if len(lines) > 1 else last)
    if step - last >= interval:
        found = f"ends at step {last}"
    elif last == step and round(1000 * last_kimg) != images_seen:
        found = f"records {last_kimg:g} kimg at that step instead of {images_seen / 1000:g}"
    else:
        return
    raise FacesmithError(
        f"{run.metrics} does not match the checkpoint of step {step} (it {found}): restore the file, remove the "
        "newer checkpoints, or branch with --resume --branch NEW_RUN to continue without the lost lines"
    )
