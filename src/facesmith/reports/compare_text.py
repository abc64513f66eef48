"""Which of several runs won, and whether the comparison was a fair one, in sentences."""

import math
from collections.abc import Sequence

from facesmith.reports.compare_figures import Rival, Score, alike, best, rollbacks
from facesmith.runs.summary import dataset_count, duration, progress_made

_ALIKE = 0.02  # budgets that differ by less are the same: a run ends with a whole step
_STANDS = {
    "failed": "failed before its end, its figures are of what it did until then",
    "interrupted": "was interrupted before its end",
    "running": "is still going, or its machine stopped without a word",
}


def outcome(rivals: Sequence[Rival]) -> str:
    """Which run won and by what, or why no figure says so.

    The lowest KID of each run is compared, else the lowest FID. Two measurements are told apart when they lie further
    from each other than √(a² + b²), the spread of the difference of two with the spreads a and b.
    """
    pictures_decide = "the pictures below must decide"
    if not same_pictures(rivals):
        return f"The runs were not trained on the same pictures, so no score can name a winner: {pictures_decide}."
    for name in ("kid", "fid"):
        judged = [rival for rival in rivals if not alike(rival)] or rivals
        found = [(rival.name, score) for rival in judged if (score := best(rival, name)) is not None]
        if len(found) == 1 and len(judged) < len(rivals):
            return f"{_quoted(found[0][0])} won: it alone made faces that differ from each other."
        if len(found) > 1:
            unscored = [rival.name for rival in judged if rival.name not in dict(found)]
            has = "has" if len(unscored) == 1 else "have"
            rest = f" {_listed(unscored)} {has} no {name.upper()} and cannot be ranked." if unscored else ""
            same = [rival.name for rival in rivals if rival not in judged]
            if same:
                rest += f" Not ranked, because the faces hardly differ from each other: {_listed(same)}."
            return _ranking(name.upper(), sorted(found, key=lambda each: each[1].value)) + rest
    scored = any(best(rival, name) for rival in rivals for name in ("kid", "fid"))
    return f"No score was measured {'in more than one of' if scored else 'during'} these runs, so no figure says " + (
        f"which won: {pictures_decide}."
    )


def fairness(rivals: Sequence[Rival]) -> tuple[list[str], list[str]]:
    """What was the same for all runs, and warnings of what was not."""
    said, warnings = [], []
    if same_pictures(rivals):
        said.append(f"All were trained on the same pictures: {_pictures(rivals[0])}.")
    else:
        which = "; ".join(f"{_quoted(rival.name)} on {_pictures(rival)}" for rival in rivals)
        warnings.append(f"They were not trained on the same pictures, so figures can mislead: {which}.")
    (said if _same_budget(rivals) else warnings).append(_budget(rivals))
    seeds = [rival.run.recipe.get("seed") for rival in rivals]
    same_seed = None not in seeds and len(set(seeds)) == 1
    said.append(f"All drew from seed {seeds[0]}." if same_seed else "Their seeds differ, or are not known.")
    said.append("There is one run of each, and with another seed they may turn out otherwise.")
    if len({rival.run.recipe.get("loss") for rival in rivals}) > 1:
        warnings.append("They have different losses, so neither losses nor D's accuracy can be compared between them.")
    if not any(rival.scores for rival in rivals):
        said.append("With --set score_kimg=20, training measures KID and FID every 20 thousand pictures.")
    for rival in rivals:
        if times := rollbacks(rival):
            often = "once" if times == 1 else f"{times} times"
            warnings.append(
                f"{_quoted(rival.name)} collapsed and was rolled back {often}; since then it has learned more gently "
                "than its settings say."
            )
        status = rival.run.card.get("status")
        if status != "finished":
            warnings.append(f"{_quoted(rival.name)} {_STANDS.get(str(status), 'does not say how it ended')}.")
    return said, warnings


def same_pictures(rivals: Sequence[Rival]) -> bool:
    """Whether all runs are known to have been trained on one dataset."""
    prints = {rival.run.settings.get("dataset_fingerprint") for rival in rivals}
    return len(prints) == 1 and None not in prints


def score_text(score: Score, where: bool = False) -> str:
    """ "0.0123 ± 0.0004", and with ``where`` " at 96.0 kimg"; it breaks into lines between the two alone."""
    spread = "" if score.spread is None else f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{score.spread:.2g}"
    return f"{score.value:.4g}{spread}" + (f" {at_text(score.kimg)}" if where else "")


def at_text(kimg: float) -> str:
    """ "at 96.0 kimg", which stays on one line."""
    shown = f"{kimg:,.1f}" if kimg >= 10 else f"{kimg:.3g}"
    return f"at\N{NO-BREAK SPACE}{shown}\N{NO-BREAK SPACE}kimg"


def _ranking(name: str, ranked: Sequence[tuple[str, Score]]) -> str:
    (winner, first), (second, runner_up) = ranked[:2]
    lowest = f"{name}, {score_text(first, where=True)} (lower is better)"
    apart = [_apart(first, score) for _, score in ranked[1:]]
    if None in apart:
        return (
            f"{_quoted(winner)} has the lowest {lowest}; the next, {_quoted(second)}, has {score_text(runner_up)}. "
            "No spread was recorded for all, so it is not known whether that is more than chance."
        )
    level = [place for place, clear in enumerate(apart, start=1) if not clear]
    if level:
        near = f"{_listed([ranked[place][0] for place in level])} {'is' if len(level) == 1 else 'are'}"
        behind = [other for place, (other, _) in enumerate(ranked) if place not in (0, *level)]
        rest = f" Clearly behind: {_listed(behind)}." if behind else ""
        return f"No clear winner. {_quoted(winner)} has the lowest {lowest}, but {near} within the spread of it.{rest}"
    return (
        f"{_quoted(winner)} won: it has the lowest {lowest}. The next, {_quoted(second)}, has {score_text(runner_up)}, "
        f"{runner_up.value - first.value:.2g} more and further off than the spread of the two."
    )


def _apart(a: Score, b: Score) -> bool | None:
    if a.spread is None or b.spread is None:
        return None
    return abs(a.value - b.value) > math.hypot(a.spread, b.spread)


def _same_budget(rivals: Sequence[Rival]) -> bool:
    """As many pictures, or as many minutes: a study has one of the two as its budget."""
    return any(_alike(amounts) for amounts in (_kimgs(rivals), _seconds(rivals)))


def _budget(rivals: Sequence[Rival]) -> str:
    kimgs, seconds = _kimgs(rivals), _seconds(rivals)
    times = duration(seconds[0]) if _alike(seconds) else f"{duration(min(seconds))} to {duration(max(seconds))}"
    shown = f"{kimgs[0]:,.1f}" if _alike(kimgs) else f"{min(kimgs):,.1f} to {max(kimgs):,.1f}"
    text = f"{shown} thousand pictures in {times} of training"
    return f"All had the same budget: {text}." if _same_budget(rivals) else f"They had no common budget: {text}."


def _kimgs(rivals: Sequence[Rival]) -> list[float]:
    return [progress_made(rival.run)[0] for rival in rivals]


def _seconds(rivals: Sequence[Rival]) -> list[float]:
    seconds = [rival.run.card.get("seconds") for rival in rivals]
    return [float(value) if isinstance(value, int | float) else 0.0 for value in seconds]


def _alike(amounts: Sequence[float]) -> bool:
    return min(amounts) > 0 and max(amounts) - min(amounts) <= _ALIKE * max(amounts)


def _pictures(rival: Rival) -> str:
    settings, count = rival.run.settings, dataset_count(rival.run)
    name = settings.get("dataset_name") or "an unnamed dataset"
    size = f" of {settings['width']}×{settings['height']}" if {"width", "height"} <= set(settings) else ""
    return f"{name}, {count:,} pictures{size}" if count else f"{name}{size}"


def _listed(names: Sequence[str]) -> str:
    quoted = [_quoted(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _quoted(name: str) -> str:
    """A run's name in a sentence, where "every" would be read as a word."""
    return f"“{name}”"
