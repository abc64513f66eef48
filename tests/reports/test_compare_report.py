import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.images.grid import save_image
from facesmith.reports.chart_options import comparison_charts
from facesmith.reports.compare_metrics import best, lowest_accuracy, read_compared
from facesmith.reports.compare_report import write_comparison
from facesmith.reports.compare_text import outcome


def make_run(run: Path, scores: tuple[dict[str, Any], ...] = (), recipe: str = "", **changes: Any) -> Path:
    card = {
        "format": "facesmith-run",
        "version": 1,
        "status": "finished",
        "goal": {"kimg": 100, "minutes": None},
        "kimg": 100.0,
        "seconds": 250.0,
    }
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({**card, **changes}))
    (run / "recipe.toml").write_text(
        f'[recipe]\nname = "tiny"\nseed = 0\nlatent = "normal"\nlatent_size = 64\nloss = "rpgan"\n{recipe}\n'
        '[run]\ndataset = "data/my faces"\ndataset_name = "my faces"\ndataset_fingerprint = "f00"\n'
        "count = 20000\nwidth = 64\nheight = 64\n"
    )
    if scores:
        (run / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in scores))
    return run


def write_metrics(run: Path, accuracies: list[float]) -> Path:
    """A line every kimg, in which D is as often right as the list says: 0.1 more on real faces, 0.1 less on fakes."""
    lines = [
        {"step": s, "kimg": s, "accuracy_real": right + 0.1, "accuracy_fake": right - 0.1, "loss_D": 0.5, "loss_G": 1.5}
        for s, right in enumerate(accuracies, start=1)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def write_sheets(run: Path, *kimgs: float) -> Path:
    for kimg in kimgs:
        level = int(kimg) % 256
        save_image(Image.new("RGB", (16, 16), (level, level, level)), run / "samples" / f"{kimg:010.3f}.png")
    return run


def kid(kimg: float, value: float, spread: float | None = 0.001) -> dict[str, Any]:
    return {"step": round(kimg), "kimg": kimg, "kid": value, "kid_spread": spread}


def ranking(*runs: Path) -> str:
    return outcome(read_compared(runs)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_lowest_accuracy_is_smoothed_and_after_warm_up(tmp_path: Path) -> None:
    accuracies = [0.5] * 8 + [0.9] * 92  # D guesses at first, which is no success of G's
    accuracies[69:72] = [0.7, 0.6, 0.7]
    accuracies[30] = 0.55  # one odd measurement between good ones
    run = write_metrics(make_run(tmp_path / "run"), accuracies)
    lowest = lowest_accuracy(read_compared([run])[0])
    assert lowest is not None
    assert lowest[0] == 71
    assert lowest[1] == pytest.approx((0.7 + 0.6) / 2)


def test_the_best_score_keeps_its_own_spread(tmp_path: Path) -> None:
    scores = (kid(10, 0.05, 0.01), {"step": 15, "kimg": 15, "fid": 9.0}, kid(20, 0.02, 0.002), kid(30, 0.03, 0.004))
    run = read_compared([make_run(tmp_path / "run", scores)])[0]
    score = best(run, "kid")
    assert score is not None
    assert (score.value, score.spread, score.kimg) == (0.02, 0.002, 20)
    score = best(run, "fid")
    assert score is not None
    assert (score.value, score.spread) == (9.0, None)


def test_a_winner_is_named_with_its_margin(tmp_path: Path) -> None:
    a = make_run(tmp_path / "every", (kid(50, 0.030), kid(100, 0.032)))
    b = make_run(tmp_path / "ratio-5", (kid(50, 0.040), kid(100, 0.021)))
    assert ranking(a, b) == (
        "“ratio-5” won with the lowest KID, 0.021 ± 0.001 at 100.0 kimg (lower is better). “every” follows with "
        "0.03 ± 0.001: 0.009 more, which exceeds the spread."
    )


def test_there_is_no_winner_within_the_spread(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", (kid(100, 0.0200),))
    b = make_run(tmp_path / "b", (kid(100, 0.0212),))  # 0.0012 apart, under √2 of 0.001
    c = make_run(tmp_path / "c", (kid(100, 0.0900),))
    text = ranking(c, b, a)
    assert text.startswith("No clear winner. “a” has the lowest KID")
    assert "within the spread for “b”. Clearly behind: “c”." in text
    (b / "scores.jsonl").write_text(json.dumps(kid(100, 0.0216)) + "\n")  # 0.0016 apart, beyond it
    assert ranking(a, b).startswith("“a” won")


def test_a_missing_spread_leaves_chance_possible(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", ({"step": 1, "kimg": 1, "fid": 30.0},))
    b = make_run(tmp_path / "b", ({"step": 1, "kimg": 1, "fid": 20.0},))
    text = ranking(a, b)
    assert text.startswith("“b” has the lowest FID, 20 at 1 kimg (lower is better). “a” follows with 30.")
    assert "chance" in text
    assert "won" not in text


def test_a_run_without_scores_is_not_ranked(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a", (kid(9, 0.2),)), make_run(tmp_path / "b", (kid(9, 0.1),))
    assert ranking(a, b, make_run(tmp_path / "c")).endswith("Not ranked, because they have no KID: “c”.")
    assert ranking(a, tmp_path / "c").startswith("Only one run was scored")
    (a / "scores.jsonl").unlink()
    assert ranking(a, tmp_path / "c").startswith("No run was scored")


def test_faces_without_diversity_cannot_win(tmp_path: Path) -> None:
    grey, varied = kid(9, 0.01) | {"diversity": 0.1}, kid(20, 0.2) | {"diversity": 0.8}
    a = make_run(tmp_path / "a", (grey, varied))
    score = best(read_compared([a])[0], "kid")
    assert score is not None
    assert score.value == 0.2
    b, c = make_run(tmp_path / "b", (grey,)), make_run(tmp_path / "c", (kid(9, 0.3) | {"diversity": 0.9},))
    assert ranking(a, b) == "“a” won: it is the only run whose faces differ from each other."
    text = ranking(a, b, c)
    assert text.startswith("“a” won with the lowest KID, 0.2")
    assert text.endswith("Not ranked, because the faces hardly differ from each other: “b”.")


def test_runs_on_different_images_have_no_winner(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a", (kid(9, 0.2),)), make_run(tmp_path / "b", (kid(9, 0.1),))
    table = (b / "recipe.toml").read_text()
    (b / "recipe.toml").write_text(table.replace("f00", "ba5").replace("64\nheight = 64", "32\nheight = 48"))
    assert ranking(a, b).startswith("The runs were not trained on the same images")
    page = write_comparison([a, b], tmp_path / "out").read_text()
    assert "“a” uses my faces, 20,000 images of 64×64; “b” uses my faces, 20,000 images of 32×48." in page


def test_the_page_is_complete_and_fetches_nothing(tmp_path: Path) -> None:
    a = make_run(tmp_path / "every", (kid(50, 0.030),), 'turns = "every"', health="healthy")
    b = make_run(tmp_path / "ratio-5", (kid(50, 0.040),), 'turns = "ratio:5"', health="<collapsed>")
    write_sheets(write_metrics(a, [0.9] * 60 + [0.7] * 20 + [0.9] * 20), 0, 30, 72, 100)
    write_sheets(write_metrics(b, [0.9] * 100), 0, 100)
    out = tmp_path / "out"
    page = unescape(write_comparison([a, b], out).read_text()).replace("\N{NO-BREAK SPACE}", " ")
    for text in (
        "“every” won",
        "All runs use the same images: my faces, 20,000 images of 64×64.",
        "All runs had the same budget: 100.0 thousand images in 4 minutes of training.",
        "All runs use seed 0.",
        "<td>ratio:5</td>",
        "<td>70.0% at 6",
        "<td>90.0%</td>",
        "<td>0.03 ± 0.001 at 50.0 kimg</td>",
        "<collapsed>",
        "The nearest sheet is at 72.0 kimg.",
        "The end, at 100.0 kimg; D accuracy 90.0%; last KID 0.03 ± 0.001.",
        "All sheets use the same 64 latent vectors.",
        f"facesmith train tiny 'data/my faces' {a} --resume --kimg 200",
        f"facesmith export {b} ratio-5-model",
    ):
        assert text in page, text
    assert "FID" not in page
    assert "steps that trained D" not in page
    assert "Warning:" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert {path.name for path in out.glob("*.png")} == {
        "compare_accuracies.png", "compare_losses.png", "compare_kid.png",
    }  # fmt: skip
    assert unescape(write_comparison([a, b], out).read_text()).replace("\N{NO-BREAK SPACE}", " ") == page


def test_an_unfair_comparison_has_warnings(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", status="failed", kimg=10.0, seconds=30)
    b = make_run(tmp_path / "b")
    (b / "recipe.toml").write_text(
        (b / "recipe.toml").read_text().replace("seed = 0", "seed = 1").replace("rpgan", "bce")
    )
    (a / "rolled_back" / "1").mkdir(parents=True)
    page = unescape(write_comparison([a, b], tmp_path / "out").read_text())
    for text in (
        "“a” collapsed and was rolled back once",
        "--set score_kimg=20",
        "The budgets differ: 10.0 to 100.0 thousand images in 30 seconds to 4 minutes of training.",
        "“a” failed",
        "The seeds differ",
        "The runs use different losses",
        "There is no sample sheet yet.",
        "Nothing has been measured yet.",
        f"facesmith train tiny 'data/my faces' {a} --resume\n",
    ):
        assert text in page, text
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_chart_of_an_earlier_comparison_is_removed(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, (kid(9, 0.1),)) for name in ("a", "b")]
    write_comparison(runs, tmp_path / "out")
    assert (tmp_path / "out" / "compare_kid.png").exists()
    for run in runs:
        (run / "scores.jsonl").unlink()
    write_comparison(runs, tmp_path / "out")
    assert not (tmp_path / "out" / "compare_kid.png").exists()


def test_a_spread_is_drawn(tmp_path: Path) -> None:
    wide = make_run(tmp_path / "a", (kid(1, 0.1, 0.05), kid(2, 0.2, 0.05)))
    bare = make_run(tmp_path / "b/a", (kid(1, 0.1, None), kid(2, 0.2, None)))
    charts = comparison_charts({run.name: run.run for run in read_compared([wide, bare])})
    wide_curve, bare_curve = charts["kid"]["series"]
    assert wide_curve["spread"] == [0.05, 0.05]
    assert bare_curve.get("spread", [None, None]) == [None, None]


def test_runs_of_the_same_name_are_named_with_their_folder(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("one/run", "two/run")]
    assert [run.name for run in read_compared(runs)] == ["one/run", "two/run"]


def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="is not a run folder"):
        write_comparison([make_run(tmp_path / "a"), tmp_path], tmp_path / "out")
