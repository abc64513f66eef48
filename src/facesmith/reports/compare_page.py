"""The page of a comparison: which run won, and all it takes to disagree."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from facesmith.files import atomic_file, write_text
from facesmith.reports import compare_text as compare_words
from facesmith.reports import html
from facesmith.reports.compare_charts import CHARTS, draw_charts
from facesmith.reports.compare_figures import (
    WARM_UP,
    Rival,
    best,
    differing_settings,
    last,
    line,
    lowest_accuracy,
    nearest_sheet,
    read_rivals,
)
from facesmith.reports.html import Html
from facesmith.runs import summary
from facesmith.runs.run_files import plain_value

NAME = "compare.html"
_NOTHING = "–"  # a row of the table in which no run has more is left out
_FEW_SETTINGS = 6


def write_comparison(runs: Sequence[Path], out: Path) -> Path:
    """Write OUT/compare.html and its charts as PNG beside it; returns the page's path.

    Reads nothing outside the run folders. What a run did not measure is said in words. Raises `FacesmithError` when one
    of ``runs`` is no run folder, or matplotlib is missing.
    """
    rivals = read_rivals(runs)
    charts = draw_charts(rivals)
    for name in CHARTS:
        path = out / f"{name}.png"
        if name in charts:
            with atomic_file(path) as beside:
                beside.write_bytes(charts[name])
        else:
            path.unlink(missing_ok=True)  # of an earlier comparison here
    path = out / NAME
    write_text(path, _page(rivals, charts))
    return path


def _page(rivals: Sequence[Rival], charts: dict[str, bytes]) -> str:
    parts = [_fair(rivals), _side_by_side(rivals), _sheets(rivals), _curves(rivals, charts), _next(rivals)]
    return html.page(f"{len(rivals)} runs compared", parts, compare_words.outcome(rivals))


def _fair(rivals: Sequence[Rival]) -> Html:
    said, warnings = compare_words.fairness(rivals)
    scores = {rival.name: best(rival, "kid") for rival in rivals}
    numbers = {f"lowest KID of {name}": compare_words.score_text(score) for name, score in scores.items() if score}
    return html.section(
        "How far to trust that",
        html.figures(numbers) if numbers else Html(""),
        *(html.note(warning, warning=True) for warning in warnings),
        html.bullets(said),
    )


def _side_by_side(rivals: Sequence[Rival]) -> Html:
    header = [rival.name for rival in rivals]
    columns = [_measured(rival) for rival in rivals]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    rows = [row for row in rows if set(row[1:]) != {_NOTHING}]
    explanation = (
        f"The lowest accuracy is of the smoothed curve after the first {WARM_UP:.0%} of a run, where D still guesses. "
        "At the end means the last tenth. D that only guesses is right half of the time."
    )
    return html.section(
        "Side by side",
        html.table(["", *header], rows, "What they came to"),
        html.paragraph(explanation),
        _settings(rivals, header),
    )


def _settings(rivals: Sequence[Rival], header: Sequence[str]) -> Html:
    differing = differing_settings(rivals)
    if not differing:
        return html.paragraph("They differ in no setting.")
    rows = [[name, *(plain_value(value) for value in values)] for name, values in differing.items()]
    table = html.table(["Setting", *header], rows, "The settings in which they differ")
    return (
        table if len(rows) <= _FEW_SETTINGS else html.details(f"The {len(rows)} settings in which they differ", table)
    )


def _measured(rival: Rival) -> dict[str, str]:
    """The rows of the table for one run: the same ones in the same order for each."""
    run = rival.run
    kimg, _ = summary.progress_made(run)
    seconds, (_, share) = run.card.get("seconds"), line(run.metrics, "d_share")
    lowest = lowest_accuracy(rival)
    return {
        "kimg: thousand real images shown": f"{kimg:,.1f}",
        "minutes of training": _number(seconds / 60 if isinstance(seconds, int | float) else None, ",.1f"),
        "images a second": _number(summary.speed_reached(run), ",.0f"),
        "share of steps in which D learned": _number(float(share.mean()) if len(share) else None, ".0%"),
        "lowest D accuracy": f"{lowest[1]:.1%} {compare_words.at_text(lowest[0])}" if lowest else _NOTHING,
        "D accuracy at the end": _number(_final_accuracy(rival), ".1%"),
        "loss of D at the end": _number(summary.recent(run, "loss_D"), ".3f"),
        "loss of G at the end": _number(summary.recent(run, "loss_G"), ".3f"),
        **{
            f"{which} {name.upper()}": compare_words.score_text(score, where=True) if score else _NOTHING
            for name in ("kid", "fid")
            for which, score in (("lowest", best(rival, name)), ("last", last(rival, name)))
        },
        "health": plain_value(run.card.get("health")),
        "status": plain_value(run.card.get("status")),
    }


def _curves(rivals: Sequence[Rival], charts: dict[str, bytes]) -> Html:
    if not charts:
        return html.section("Curves", html.paragraph("Nothing has been measured yet."))
    figures = [html.figure(chart, f"Chart over the images shown: {CHARTS[name][1]}") for name, chart in charts.items()]
    explanation = "Thin lines are single measurements, bold ones their moving average."
    if any(rival.scores for rival in rivals):
        explanation += " Scores are drawn as measured, the band being their spread."
    return html.section("Curves", html.paragraph(explanation), *figures)


def _sheets(rivals: Sequence[Rival]) -> Html:
    keys = ("seed", "latent", "latent_size")
    first, *others = ([rival.run.recipe.get(key) for key in keys] for rival in rivals)
    explanation = (
        "First the faces at the moment D was least often right, then those at the end. A low accuracy praises G only "
        "where D is good: a D that seldom learns is deceived by anything."
    )
    if None not in first and all(values == first for values in others):
        explanation += " They are of the same 64 latent vectors everywhere."
    return html.section("The faces", html.paragraph(explanation), *(_two_sheets(rival) for rival in rivals))


def _two_sheets(rival: Rival) -> Html:
    if not rival.run.samples:
        return html.part(rival.name, html.paragraph("No sample sheet has been drawn yet."))
    lowest = lowest_accuracy(rival)
    if lowest is None:
        text = "D's accuracy was not measured, so it is not known which sheet is of its lowest."
        return html.part(rival.name, html.paragraph(text), html.columns(_last_sheet(rival)))
    kimg, path = nearest_sheet(rival, lowest[0])
    when, drawn = compare_words.at_text(lowest[0]), compare_words.at_text(kimg)
    caption = f"D accuracy at its lowest: {lowest[1]:.1%} {when}. The nearest sheet is the one {drawn}."
    sheet = html.figure(path, f"Faces of {rival.name} at the lowest accuracy of D", caption)
    return html.part(rival.name, html.columns(sheet, _last_sheet(rival)))


def _last_sheet(rival: Rival) -> Html:
    kimg, path = rival.run.samples[-1]
    facts = [f"The end, {compare_words.at_text(kimg)}"]
    if (right := _final_accuracy(rival)) is not None:
        facts.append(f"D accuracy {right:.1%}")
    if (score := last(rival, "kid")) is not None:
        facts.append(f"last KID {compare_words.score_text(score)}")
    return html.figure(path, f"Faces of {rival.name} at the end", "; ".join(facts) + ".")


def _next(rivals: Sequence[Rival]) -> Html:
    parts = []
    for rival in rivals:
        here = shlex.quote(str(rival.run.path))
        model = shlex.quote(f"{rival.name.replace('/', '-')}-model")
        parts.append(html.part(rival.name, html.code(f"{_resume(rival)}\nfacesmith export {here} {model}")))
    return html.section("Go on with one of them", html.paragraph("Train it longer, or make a model of it:"), *parts)


def _resume(rival: Rival) -> str:
    """The command that goes on with a run: to its goal, or from there to twice the length."""
    run = rival.run
    recipe, dataset = run.recipe.get("name") or "RECIPE", run.settings.get("dataset") or "DATASET"
    command = shlex.join(["facesmith", "train", str(recipe), str(dataset), str(run.path), "--resume"])
    goal = run.card.get("goal")
    kimg, minutes = (goal.get("kimg"), goal.get("minutes")) if isinstance(goal, dict) else (None, None)
    longer = 2 if run.card.get("status") == "finished" else 1
    shown, _ = summary.progress_made(run)
    if isinstance(minutes, int | float):
        command += f" --minutes {minutes * longer:g}"
    if isinstance(kimg, int | float) and longer == 2 and shown >= kimg:
        command += f" --kimg {kimg * longer:g}"
    return command


def _final_accuracy(rival: Rival) -> float | None:
    real, fake = (summary.recent(rival.run, f"accuracy_{of}") for of in ("real", "fake"))
    return None if real is None or fake is None else (real + fake) / 2


def _number(value: float | None, form: str) -> str:
    return _NOTHING if value is None else format(value, form)
