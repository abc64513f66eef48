"""Which of several runs won, and whether the comparison was fair, in sentences."""

import math
from collections.abc import Sequence

from facesmith.reports.compare_metrics import ComparedRun, Score, best, lacks_diversity
from facesmith.runs.run_text import dataset_count, format_duration, kimg_and_epochs

_SAME_BUDGET = 0.02  # budgets that differ by a smaller share count as equal: a run ends with a whole step
_UNFINISHED = {
    "failed": "failed; its numbers are from before the failure",
    "interrupted": "was interrupted",
    "running": "is still running, or its machine stopped",
}


def outcome(runs: Sequence[ComparedRun]) -> str:
    """Return which run won and by what margin, or why no score decides it.

    The lowest KID of each run is compared, else the lowest FID. Two scores with the spreads a and b differ if they are
    further apart than √(a² + b²).
    """
    if not same_images(runs):
        return "The runs were not trained on the same images, so scores cannot be compared. Compare the faces below."
    for name in ("kid", "fid"):
        eligible = [run for run in runs if not lacks_diversity(run)] or runs
        scores = {run.name: score for run in eligible if (score := best(run, name)) is not None}
        if len(scores) == 1 and len(eligible) < len(runs):
            return f"{_quoted(*scores)} won: it is the only run whose faces differ from each other."
        if len(scores) > 1:
            text = _ranking(name.upper(), sorted(scores.items(), key=lambda item: item[1].value))
            if missing := [run.name for run in eligible if run.name not in scores]:
                text += f" Not ranked, because they have no {name.upper()}: {_quoted(*missing)}."
            if excluded := [run.name for run in runs if run not in eligible]:
                text += f" Not ranked, because the faces hardly differ from each other: {_quoted(*excluded)}."
            return text
    scored = any(best(run, name) for run in runs for name in ("kid", "fid"))
    return (
        f"{'Only one run was' if scored else 'No run was'} scored during training, so there is no winner. Compare "
        "the faces below."
    )


def fairness(runs: Sequence[ComparedRun]) -> tuple[list[str], list[str]]:
    """Return remarks on what all runs have in common, and warnings about what differs."""
    remarks, warnings = [], []
    if same_images(runs):
        remarks.append(f"All runs use the same images: {_dataset(runs[0])}.")
    else:
        datasets = "; ".join(f"{_quoted(run.name)} uses {_dataset(run)}" for run in runs)
        warnings.append(f"The runs use different images, so their numbers are not comparable: {datasets}.")
    (remarks if _same_budget(runs) else warnings).append(_budget(runs))
    seeds = [run.run.recipe.get("seed") for run in runs]
    same_seed = None not in seeds and len(set(seeds)) == 1
    remarks.append(f"All runs use seed {seeds[0]}." if same_seed else "The seeds differ or are unknown.")
    remarks.append("There is one run per setting, so a different seed may give a different result.")
    if len({run.run.recipe.get("loss") for run in runs}) > 1:
        warnings.append("The runs use different losses, so their losses and D's accuracy are not comparable.")
    if not any(run.run.scores for run in runs):
        remarks.append("To measure KID and FID every 20 kimg, train with --set score_kimg=20.")
    for run in runs:
        if count := len(run.run.rollbacks):
            times = "once" if count == 1 else f"{count} times"
            warnings.append(
                f"{_quoted(run.name)} collapsed and was rolled back {times}, which lowered its learning rate."
            )
        status = run.run.card.get("status")
        if status != "finished":
            warnings.append(f"{_quoted(run.name)} {_UNFINISHED.get(str(status), 'has an unknown status')}.")
    return remarks, warnings


def same_images(runs: Sequence[ComparedRun]) -> bool:
    """Return whether all runs are known to use the same dataset."""
    fingerprints = {run.run.trained_on.get("dataset_fingerprint") for run in runs}
    return len(fingerprints) == 1 and None not in fingerprints


def score_text(score: Score, kimg: bool = False) -> str:
    """Return "0.0123 ± 0.0004", followed by " at 96.0 kimg" on request. Lines break only between the two."""
    spread = "" if score.spread is None else f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{score.spread:.2g}"
    return f"{score.value:.4g}{spread}" + (f" {at_text(score.kimg)}" if kimg else "")


def at_text(kimg: float) -> str:
    """Return "at 96.0 kimg", which stays on one line."""
    shown = f"{kimg:,.1f}" if kimg >= 10 else f"{kimg:.3g}"
    return f"at\N{NO-BREAK SPACE}{shown}\N{NO-BREAK SPACE}kimg"


def _ranking(name: str, ranked: Sequence[tuple[str, Score]]) -> str:
    (winner, first), (second, runner_up) = ranked[:2]
    lowest = f"the lowest {name}, {score_text(first, kimg=True)} (lower is better)"
    differ = {other: _differ(first, score) for other, score in ranked[1:]}
    if None in differ.values():
        return (
            f"{_quoted(winner)} has {lowest}. {_quoted(second)} follows with {score_text(runner_up)}. Not all "
            "spreads are known, so the difference may be due to chance."
        )
    level = [other for other, clear in differ.items() if not clear]
    if level:
        behind = [other for other, clear in differ.items() if clear]
        rest = f" Clearly behind: {_quoted(*behind)}." if behind else ""
        return (
            f"No clear winner. {_quoted(winner)} has {lowest}, "
            f"but the difference is within the spread for {_quoted(*level)}.{rest}"
        )
    return (
        f"{_quoted(winner)} won with {lowest}. {_quoted(second)} follows with {score_text(runner_up)}: "
        f"{runner_up.value - first.value:.2g} more, which exceeds the spread."
    )


def _differ(a: Score, b: Score) -> bool | None:
    if a.spread is None or b.spread is None:
        return None
    return abs(a.value - b.value) > math.hypot(a.spread, b.spread)


def _same_budget(runs: Sequence[ComparedRun]) -> bool:
    """Return whether all runs have seen as many images or trained for as long."""
    return any(_nearly_equal(amounts) for amounts in (_kimgs(runs), _seconds(runs)))


def _budget(runs: Sequence[ComparedRun]) -> str:
    kimgs, seconds = _kimgs(runs), _seconds(runs)
    ends = [seconds[0]] if _nearly_equal(seconds) else [min(seconds), max(seconds)]
    times = " to ".join(map(format_duration, ends))
    shown = f"{kimgs[0]:,.1f}" if _nearly_equal(kimgs) else f"{min(kimgs):,.1f} to {max(kimgs):,.1f}"
    text = f"{shown} thousand images in {times} of training"
    return f"All runs had the same budget: {text}." if _same_budget(runs) else f"The budgets differ: {text}."


def _kimgs(runs: Sequence[ComparedRun]) -> list[float]:
    return [kimg_and_epochs(run.run)[0] for run in runs]


def _seconds(runs: Sequence[ComparedRun]) -> list[float]:
    seconds = [run.run.card.get("seconds") for run in runs]
    return [float(value) if isinstance(value, int | float) else 0.0 for value in seconds]


def _nearly_equal(amounts: Sequence[float]) -> bool:
    return min(amounts) > 0 and max(amounts) - min(amounts) <= _SAME_BUDGET * max(amounts)


def _dataset(run: ComparedRun) -> str:
    trained_on, count = run.run.trained_on, dataset_count(run.run)
    name = trained_on.get("dataset_name") or "an unnamed dataset"
    size = f" of {trained_on['width']}×{trained_on['height']}" if {"width", "height"} <= set(trained_on) else ""
    return f"{name}, {count:,} images{size}" if count else f"{name}{size}"


def _quoted(*names: str) -> str:
    """Return names in quotation marks, because "every" would read as a word."""
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
