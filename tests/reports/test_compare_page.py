import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.images.grid import save_image
from facesmith.reports.compare_charts import draw_charts
from facesmith.reports.compare_figures import best, lowest_accuracy, read_rivals
from facesmith.reports.compare_page import write_comparison
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


def measured(run: Path, accuracies: list[float]) -> Path:
    """A line every kimg, in which D is as often right as the list says: 0.1 more on real faces, 0.1 less on fakes."""
    lines = [
        {"step": s, "kimg": s, "accuracy_real": right + 0.1, "accuracy_fake": right - 0.1, "loss_D": 0.5, "loss_G": 1.5}
        for s, right in enumerate(accuracies, start=1)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def sampled(run: Path, *kimgs: float) -> Path:
    for kimg in kimgs:
        level = int(kimg) % 256
        save_image(Image.new("RGB", (16, 16), (level, level, level)), run / "samples" / f"{kimg:010.3f}.png")
    return run


def kid(kimg: float, value: float, spread: float | None = 0.001) -> dict[str, Any]:
    return {"step": round(kimg), "kimg": kimg, "kid": value, "kid_spread": spread}


def said(*runs: Path) -> str:
    return outcome(read_rivals(runs)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_lowest_accuracy_is_smoothed_and_comes_after_the_warm_up(tmp_path: Path) -> None:
    accuracies = [0.5] * 8 + [0.9] * 92  # D guesses at first, which is no success of G's
    accuracies[69:72] = [0.7, 0.6, 0.7]
    accuracies[30] = 0.55  # one odd measurement between good ones
    run = measured(make_run(tmp_path / "run"), accuracies)
    lowest = lowest_accuracy(read_rivals([run])[0])
    assert lowest is not None
    assert lowest[0] == 71
    assert lowest[1] == pytest.approx((0.7 + 0.6) / 2)


def test_the_best_score_keeps_its_own_spread(tmp_path: Path) -> None:
    scores = (kid(10, 0.05, 0.01), {"step": 15, "kimg": 15, "fid": 9.0}, kid(20, 0.02, 0.002), kid(30, 0.03, 0.004))
    rival = read_rivals([make_run(tmp_path / "run", scores)])[0]
    score = best(rival, "kid")
    assert score is not None
    assert (score.value, score.spread, score.kimg) == (0.02, 0.002, 20)
    score = best(rival, "fid")
    assert score is not None
    assert (score.value, score.spread) == (9.0, None)


def test_a_winner_is_named_with_its_margin(tmp_path: Path) -> None:
    a = make_run(tmp_path / "every", (kid(50, 0.030), kid(100, 0.032)))
    b = make_run(tmp_path / "ratio-5", (kid(50, 0.040), kid(100, 0.021)))
    assert said(a, b) == (
        "“ratio-5” won: it has the lowest KID, 0.021 ± 0.001 at 100.0 kimg (lower is better). The next, “every”, has "
        "0.03 ± 0.001, 0.009 more and further off than the spread of the two."
    )


def test_nobody_wins_within_the_spread(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", (kid(100, 0.0200),))
    b = make_run(tmp_path / "b", (kid(100, 0.0212),))  # 0.0012 apart, under √2 of 0.001
    c = make_run(tmp_path / "c", (kid(100, 0.0900),))
    text = said(c, b, a)
    assert text.startswith("No clear winner. “a” has the lowest KID")
    assert "but “b” is within the spread of it. Clearly behind: “c”." in text
    (b / "scores.jsonl").write_text(json.dumps(kid(100, 0.0216)) + "\n")  # 0.0016 apart, beyond it
    assert said(a, b).startswith("“a” won")


def test_without_a_spread_chance_is_not_ruled_out(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", ({"step": 1, "kimg": 1, "fid": 30.0},))
    b = make_run(tmp_path / "b", ({"step": 1, "kimg": 1, "fid": 20.0},))
    text = said(a, b)
    assert text.startswith("“b” has the lowest FID, 20 at 1 kimg (lower is better); the next, “a”, has 30.")
    assert "not known whether that is more than chance" in text


def test_what_was_not_scored_is_not_ranked(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a", (kid(9, 0.2),)), make_run(tmp_path / "b", (kid(9, 0.1),))
    assert said(a, b, make_run(tmp_path / "c")).endswith("“c” has no KID and cannot be ranked.")
    assert said(a, tmp_path / "c").startswith("No score was measured in more than one of these runs")
    (a / "scores.jsonl").unlink()
    assert said(a, tmp_path / "c") == (
        "No score was measured during these runs, so no figure says which won: the pictures below must decide."
    )


def test_faces_that_hardly_differ_win_nothing_however_low_their_score(tmp_path: Path) -> None:
    grey, varied = kid(9, 0.01) | {"diversity": 0.1}, kid(20, 0.2) | {"diversity": 0.8}
    a = make_run(tmp_path / "a", (grey, varied))
    score = best(read_rivals([a])[0], "kid")
    assert score is not None
    assert score.value == 0.2
    b, c = make_run(tmp_path / "b", (grey,)), make_run(tmp_path / "c", (kid(9, 0.3) | {"diversity": 0.9},))
    assert said(a, b) == "“a” won: it alone made faces that differ from each other."
    text = said(a, b, c)
    assert text.startswith("“a” won: it has the lowest KID, 0.2")
    assert text.endswith("Not ranked, because the faces hardly differ from each other: “b”.")


def test_scores_of_different_pictures_name_no_winner(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a", (kid(9, 0.2),)), make_run(tmp_path / "b", (kid(9, 0.1),))
    table = (b / "recipe.toml").read_text()
    (b / "recipe.toml").write_text(table.replace("f00", "ba5").replace("64\nheight = 64", "32\nheight = 48"))
    assert said(a, b).startswith("The runs were not trained on the same pictures, so no score can name a winner")
    page = write_comparison([a, b], tmp_path / "out").read_text()
    assert "“a” on my faces, 20,000 pictures of 64×64; “b” on my faces, 20,000 pictures of 32×48." in page


def test_the_page_holds_all_and_asks_for_nothing(tmp_path: Path) -> None:
    a = make_run(tmp_path / "every", (kid(50, 0.030),), 'turns = "every"', health="healthy")
    b = make_run(tmp_path / "ratio-5", (kid(50, 0.040),), 'turns = "ratio:5"', health="<collapsed>")
    sampled(measured(a, [0.9] * 60 + [0.7] * 20 + [0.9] * 20), 0, 30, 72, 100)
    sampled(measured(b, [0.9] * 100), 0, 100)
    out = tmp_path / "out"
    page = write_comparison([a, b], out).read_text().replace("\N{NO-BREAK SPACE}", " ")
    for text in (
        "“every” won",
        "All were trained on the same pictures: my faces, 20,000 pictures of 64×64.",
        "All had the same budget: 100.0 thousand pictures in 4 minutes of training.",
        "All drew from seed 0.",
        "<td>ratio:5</td>",
        "<td>70.0% at 6",
        "<td>90.0%</td>",
        "<td>0.03 ± 0.001 at 50.0 kimg</td>",
        "&lt;collapsed&gt;",
        "The nearest sheet is the one at 72.0 kimg.",
        "The end, at 100.0 kimg; D accuracy 90.0%; last KID 0.03 ± 0.001.",
        "They are of the same 64 latent vectors everywhere.",
        f"facesmith train tiny &#x27;data/my faces&#x27; {a} --resume --kimg 200",
        f"facesmith export {b} ratio-5-model",
    ):
        assert text in page, text
    assert "FID" not in page
    assert "share of steps in which D learned" not in page
    assert "Look here" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert {path.name for path in out.glob("*.png")} == {
        "compare_accuracy.png", "compare_loss_D.png", "compare_loss_G.png", "compare_kid.png",
    }  # fmt: skip
    assert write_comparison([a, b], out).read_text().replace("\N{NO-BREAK SPACE}", " ") == page


def test_what_makes_a_comparison_unfair_is_said(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", status="failed", kimg=10.0, seconds=30)
    b = make_run(tmp_path / "b")
    (b / "recipe.toml").write_text(
        (b / "recipe.toml").read_text().replace("seed = 0", "seed = 1").replace("rpgan", "bce")
    )
    (a / "rolled_back" / "1").mkdir(parents=True)
    page = write_comparison([a, b], tmp_path / "out").read_text()
    for text in (
        "“a” collapsed and was rolled back once",
        "--set score_kimg=20",
        "They had no common budget: 10.0 to 100.0 thousand pictures in 30 seconds to 4 minutes of training.",
        "“a” failed before its end",
        "Their seeds differ",
        "neither losses nor D&#x27;s accuracy can be compared",
        "No sample sheet has been drawn yet.",
        "Nothing has been measured yet.",
        f"facesmith train tiny &#x27;data/my faces&#x27; {a} --resume\n",
    ):
        assert text in page, text
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_chart_of_an_earlier_comparison_does_not_stay(tmp_path: Path) -> None:
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
    charts = [draw_charts(read_rivals([run]))["compare_kid"] for run in (wide, bare)]
    assert charts[0] != charts[1]


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("one/run", "two/run")]
    assert [rival.name for rival in read_rivals(runs)] == ["one/run", "two/run"]


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="is not a run folder"):
        write_comparison([make_run(tmp_path / "a"), tmp_path], tmp_path / "out")
