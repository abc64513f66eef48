import json
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from facesmith.errors import FacesmithError
from facesmith.images.grid import save_image
from facesmith.reports.chart_options import lowest_healthy_diversity
from facesmith.reports.run_report import report
from facesmith.runs import health
from facesmith.runs.run_data import read_run
from facesmith.runs.run_text import format_duration, format_time
from facesmith.tasks.recipes import RECIPES
from facesmith.training import collapse


def make_run(run: Path, **changes: Any) -> Path:
    card = {
        "format": "facesmith-run",
        "version": 1,
        "status": "finished",
        "started": "2025-03-01T22:00:00+00:00",
        "ended": "2025-03-02T01:30:00+00:00",
        "sessions": [{"started": "2025-03-01T22:00:00+00:00", "ended": None, "from_kimg": 0, "to_kimg": 100}],
        "parameters": {"generator": 3576704, "discriminator": 2765568},
        "machine": {"cpu": "A <fast> CPU", "cores": 2, "device": "A faster GPU"},
        "estimate": {"images_per_second": 400.0, "memory_gb": 1.5},
        "goal": {"kimg": 100, "minutes": None},
        "dataset": {"crop": "center:178", "source": {"credit": "Someone & others"}},
        "kimg": 100.0,
        "step": 1562,
        "seconds": 250.0,
    }
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({**card, **changes}))
    (run / "recipe.toml").write_text(
        '[recipe]\nname = "tiny"\nbatch_size = 64\nlearning_rate = 4e-4\n'
        '[run]\ndataset = "data/my faces"\ndataset_name = "my faces"\ncount = 20000\nwidth = 64\nheight = 64\n'
    )
    return run


def write_metrics(run: Path, real: float = 0.75, fake: float = 0.8, last: float | None = 0.5) -> None:
    lines = [
        {
            "step": s,
            "kimg": s / 2,
            "loss_D": 0.5,
            "loss_G": 1.25,
            "accuracy_real": real,
            "accuracy_fake": fake,
            "r1": None,
        }
        for s in range(1, 201)
    ]
    lines[-1]["loss_D"] = last
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    times = [{"step": s, "kimg": s / 2, "seconds": s, "images_per_second": 400 + s % 5} for s in range(10, 201, 10)]
    (run / "timing.jsonl").write_text("".join(json.dumps(line) + "\n" for line in times))


def write_sheets(run: Path, kimgs: list[float]) -> None:
    for kimg in kimgs:
        level = int(255 * kimg / max(kimgs))
        save_image(Image.new("RGB", (16, 16), (level, level, level)), run / "samples" / f"{kimg:010.3f}.png")


def test_the_report_of_a_finished_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "night")
    write_metrics(run)
    write_sheets(run, [0, 10, 48, 100])
    save_image(Image.new("RGB", (16, 16)), run / "real_beside_generated.png")
    (run / "progress.mp4").write_bytes(b"film")
    page = report(run).read_text()
    page = unescape(page)
    for text in (
        "The run finished after 100,000 real images (5.0 passes over the dataset).",
        "Training took 4 minutes at 400 images per second.",
        "The losses at the end",
        "75% of the real and 80% of the generated faces correctly, 78% overall",
        "Started 1 March 2025, 22:00 UTC and ended 2 March 2025, 01:30 UTC.",
        "3,576,704 parameters",
        "20,000",
        "center:178",
        "Someone & others",
        "A <fast> CPU",
        "A faster GPU",
        "learning_rate",
        f"facesmith export {run} night-model",
        "facesmith generate night-model --count 64",
        "<figcaption>48 kimg</figcaption>",
        "data:video/mp4",
    ):
        assert text in page, text
    assert "--resume" not in page
    assert "http" not in page.replace("http-equiv", "")
    for name in ("losses", "accuracies", "speed"):
        with Image.open(run / f"{name}.png") as chart:
            assert chart.width > 800


def test_the_newest_sheet_comes_first(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_sheets(run, [0, 9, 100])
    page = report(run).read_text()
    assert page.index("After 100 thousand images.") < page.index("0 kimg</figcaption>")


def test_a_new_run_names_what_is_missing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", status="running", ended=None, kimg=0, seconds=0, sessions=[])
    (run / "recipe.toml").unlink()
    page = report(run).read_text()
    page = unescape(page)
    for text in (
        "still training",
        "Nothing has been measured yet.",
        "There is no sample sheet yet.",
        "There is no video yet",
        "The run has no recipe file.",
        "facesmith train RECIPE DATASET",
    ):
        assert text in page, text
    assert not (run / "losses.png").exists()


def test_an_interrupted_run_lists_sessions_and_how_to_resume(tmp_path: Path) -> None:
    sessions = [
        {
            "started": "2025-03-01T22:00:00+00:00",
            "ended": None,
            "from_kimg": 0,
            "to_kimg": 30.5,
            "reason": "interrupted",
        },
        {
            "started": "2025-03-02T08:00:00+00:00",
            "ended": None,
            "from_kimg": 28,
            "to_kimg": 60,
            "reason": "interrupted",
        },
    ]
    run = make_run(tmp_path / "run", status="interrupted", sessions=sessions, kimg=60.0)
    write_metrics(run)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 201, "lo')
    page = report(run).read_text()
    page = unescape(page)
    for text in (
        "interrupted before its goal",
        "trained in 2 sessions",
        "30.5",
        "2 March 2025, 08:00 UTC",
        "Dotted lines mark where training was resumed.",
        "One incomplete line in the measurements",
        f"facesmith train tiny 'data/my faces' {run} --resume",
    ):
        assert text in page, text


def test_a_winning_discriminator_is_a_warning(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_metrics(run, real=0.999, fake=1.0)
    assert "Warning:</strong> D is almost never wrong" in report(run).read_text()


def test_a_loss_of_nan_is_a_warning(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", status="failed")
    write_metrics(run, last=None)
    page = report(run).read_text()
    assert "The last loss of D is not a number" in page
    assert "The run failed" in page


def test_a_film_too_large_for_the_page_is_shown_as_its_gif(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "progress.mp4").write_bytes(bytes(7_000_000))
    Image.new("P", (4, 4)).save(run / "progress.gif")
    page = report(run).read_text()
    assert "data:image/gif" in page
    assert "data:video" not in page


def test_a_report_needs_a_run_of_a_known_version(tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="is not a run folder"):
        report(tmp_path)
    with pytest.raises(FacesmithError, match="version 3"):
        report(make_run(tmp_path / "new", version=3))
    broken = make_run(tmp_path / "broken")
    (broken / "recipe.toml").write_text("[recipe")
    with pytest.raises(FacesmithError, match=r"recipe\.toml cannot be read"):
        report(broken)


def test_writing_again_gives_the_same_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_metrics(run)
    first = report(run).read_bytes()
    assert report(run).read_bytes() == first
    assert not list(run.glob(".*"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (89, "89 seconds"),
        (120, "2 minutes"),
        (5400, "1 hour 30 minutes"),
        (7200, "2 hours"),
        (172_800, "2 days"),
        (200_000, "2 days 7 hours"),
    ],
)
def test_durations_are_words(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_times_are_words() -> None:
    assert format_time("2025-11-05T03:04:05Z") == "5 November 2025, 03:04 UTC"
    assert format_time("soon") == "soon"
    assert format_time(None) is None


def test_a_measurement_without_a_chart_is_in_the_table(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "metrics.jsonl").write_text('{"step": 1, "kimg": 1, "odd_thing": 2.5}\n{"step": 2, "kimg": NaN}\n')
    page = report(run).read_text()
    assert "odd_thing" in page


COLLAPSE = {"step": 120, "kimg": 60.0, "health": health.MODE_COLLAPSE, "since": 100, "rollbacks": 0, "lr_scale": 1.0}
RETURN = {"step": 80, "kimg": 40.0, "health": health.HEALTHY, "since": 0, "rollbacks": 1, "lr_scale": 0.5}


def write_all_metrics(run: Path, health: str = health.HEALTHY, accuracy: float = 0.75, diversity: float = 0.8) -> None:
    """200 lines of metrics as training writes them, with a look at the faces on every fifth."""
    lines = [
        {"step": s, "kimg": s / 2, "loss_D": 0.5, "loss_G": 1.25, "accuracy_real": accuracy, "accuracy_fake": accuracy,
         "grad_D": 2.0, "grad_G": 1.0, "d_share": 0.5} | ({"diversity": diversity} if s % 5 == 0 else {})
        | {"health": health}
        for s in range(1, 201)
    ]  # fmt: skip
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_rollback(run: Path) -> None:
    folder = run / "rolled_back" / "1"
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text(
        json.dumps({"step": 120, "kimg": 60.0, "health": health.MODE_COLLAPSE}) + "\n"
    )
    for kimg in (50, 58):
        save_image(Image.new("RGB", (16, 16), (kimg, 0, 0)), folder / f"{kimg:010.3f}.png")


def write_scores(run: Path) -> None:
    lines = [
        {"step": s, "kimg": s / 2, "seconds": s, "kid": kid, "kid_spread": 0.25, "fid": 10 * kid, "diversity": 0.9}
        for s, kid in ((50, 3.0), (100, 1.5), (150, 2.0))
    ]
    (run / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    card = {
        "format": "facesmith-checkpoint",
        "version": 3,
        "kimg": 50.0,
        "step": 100,
        "score": {"kid": 1.5, "kid_spread": 0.25, "fid": 15.0},
    }
    save_file({"average.x": np.zeros(1, np.float32)}, run / "best.safetensors", {"facesmith": json.dumps(card)})


def write_recipe(run: Path, name: str = "tiny") -> None:
    table = {"name": name} | {key: value for key, value in RECIPES[name].as_dict().items() if value is not None}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    (run / "recipe.toml").write_text(f"[recipe]\n{text}[run]\ncount = 20000\n")


def test_a_healthy_run_has_no_warning(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", health_events=[])
    write_all_metrics(run, accuracy=0.99)
    page = report(run).read_text()
    assert "Health at the end: “healthy”: no " in page
    assert "No problem was detected" in page
    assert "D is far ahead, but its loss still gives G useful gradients." in page
    assert "Warning:" not in page
    assert page.index("Health at the end") < page.index("Training took")


def test_a_rollback_shows_the_undone_and_the_restored_sheet(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", health_events=[COLLAPSE, RETURN])
    write_all_metrics(run)
    write_rollback(run)
    write_sheets(run, [0, 20, 40, 80, 100])
    page = report(run).read_text()
    expected = [
        "At 60.0 kimg: mode collapse, which began at 50.0 kimg.",
        "Rollback 1: returned to 40.0 kimg and continued with new noise and 0.5 times the recipe",
        "<figcaption>40 kimg, restored by rollback 1</figcaption>",
        "<figcaption>58 kimg, undone by rollback 1</figcaption>",
        "Started 1 March",
    ]
    places = [page.index(text) for text in expected]
    assert places == sorted(places)
    assert "undone by rollback 1</figcaption>" in page
    assert "50 kimg, undone" not in page, "only the last sheet"
    assert "Health at the end: “healthy”" in page
    assert "rolled back to" in page


def test_a_rollback_missing_in_the_card_is_listed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", health_events=[])
    write_all_metrics(run)
    write_rollback(run)
    assert "Rollback 1: mode collapse at 60.0 kimg was rolled back." in report(run).read_text()


def test_events_repeated_after_a_resume_are_listed_once(tmp_path: Path) -> None:
    winning = {**COLLAPSE, "health": health.D_WINNING}
    again = {**COLLAPSE, "health": health.HEALTHY, "step": 140, "kimg": 70.0}
    run = make_run(tmp_path / "run", health_events=[winning, again, winning, again])
    write_all_metrics(run)
    page = report(run).read_text()
    assert page.count("At 60.0 kimg: discriminator is winning") == 1
    assert page.count("At 70.0 kimg the run was healthy again.") == 1


def test_a_collapsed_run_has_a_warning_and_a_next_step(tmp_path: Path) -> None:
    reason = "run was stopped after 1 rollbacks: mode collapse since step 100"
    sessions = [{"started": None, "ended": None, "from_kimg": 0, "to_kimg": 60, "reason": reason}]
    run = make_run(tmp_path / "run", status="failed", health_events=[COLLAPSE], sessions=sessions)
    write_all_metrics(run, health=health.MODE_COLLAPSE, accuracy=0.5)
    page = report(run).read_text()
    assert "Warning:</strong> Health at the end: “mode collapse”" in page
    assert f"Reason: {reason}." in page
    assert f"{run} --resume --branch {run}-gentler --set learning_rate=0.0002" in page
    assert "a good sign" not in page


def test_health_and_the_remark_on_d_agree(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", health_events=[{**COLLAPSE, "health": health.D_WINNING}])
    write_all_metrics(run, health=health.D_WINNING, accuracy=1.0)
    page = unescape(report(run).read_text())
    assert "Warning:</strong> Health at the end: “discriminator is winning”" in page
    assert "as the run's health shows" in page
    assert page.count("Warning:") == 1


def test_the_best_score_comes_with_its_export_command(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_all_metrics(run)
    write_scores(run)
    page = report(run).read_text()
    assert "best score, KID 1.5 ± 0.25 (FID 15) at 50.0 kimg, lower is better" in page
    assert f"facesmith export {run} run-model --checkpoint best" in page
    assert "KID of the best model" in page
    assert "diversity of a score" in page, "which is measured otherwise than the watch's"
    (run / "best.safetensors").write_bytes(b"\xff" * 100)
    assert "--checkpoint best" not in report(run).read_text()


@pytest.mark.parametrize("complete", [True, False])
def test_each_measurement_has_a_chart(tmp_path: Path, complete: bool) -> None:
    run = make_run(tmp_path / "run")
    write_metrics(run)
    if complete:
        write_recipe(run)
        write_all_metrics(run)
        write_scores(run)
    new = {"diversity", "kid", "fid", "d_steps", "gradients"}
    page = report(run).read_text()
    assert {path.stem for path in run.glob("*.png")} == {"losses", "accuracies", "speed"} | (new if complete else set())
    assert page.count('<figure class="chart">') == (8 if complete else 3)


def test_the_chart_shows_the_lowest_healthy_diversity(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_recipe(run)
    write_all_metrics(run, diversity=0.8)
    limits = lowest_healthy_diversity(read_run(run))
    assert limits is not None
    kimg = np.arange(1, 201) / 2
    assert np.isnan(limits[kimg < health.GRACE_KIMG]).all()
    assert limits[kimg > health.GRACE_KIMG + 5] == pytest.approx(collapse.MIN_DIVERSITY_SHARE * 0.8)


def test_a_constant_d_schedule_needs_no_chart(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_all_metrics(run)
    text = (run / "metrics.jsonl").read_text().replace('"d_share": 0.5', '"d_share": 1.0')
    (run / "metrics.jsonl").write_text(text)
    report(run)
    assert not (run / "d_steps.png").exists()
    assert (run / "gradients.png").exists()
