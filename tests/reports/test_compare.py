import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from facesmith.cli import facesmith as root
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.reports.compare import compare
from facesmith.runs.run_folder import RunFolder, read_card, read_recipe, write_card
from facesmith.tasks.recipes import RECIPES, GANRecipe
from facesmith.training.checkpoint import stored

SETTINGS = ("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
            "memory_format=channels_last", "log_steps=2", "checkpoint_kimg=0.064")  # fmt: skip
TURNS = ("every", "ratio:2")


@pytest.fixture(scope="session")
def study(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two tiny runs; write nothing into it."""
    out = tmp_path_factory.mktemp("study") / "turns"
    page = compare(out=out, dataset=builtin_dataset, recipe="tiny", turns=TURNS, settings=SETTINGS, kimg=0.16,
                   quiet=True)  # fmt: skip
    assert page == out / "compare.html"
    return out


def test_a_study_trains_alike_but_for_the_turns(study: Path) -> None:
    found = [read_recipe(RunFolder(study / "runs" / name))[0] for name in ("every", "ratio-2")]
    recipes = [recipe for recipe in found if isinstance(recipe, GANRecipe)]
    assert [recipe.d_schedule for recipe in recipes] == list(TURNS)
    assert len({(r.seed, r.kimg, r.generator_width, r.batch_size) for r in recipes}) == 1
    page = (study / "compare.html").read_text()
    for text in (
        "<td>ratio:2</td>",
        "All were trained on the same pictures",
        "No score was measured during these runs",
    ):
        assert text in page, text


def test_turns_take_effect_and_the_page_shows_it(study: Path) -> None:
    """What the study was made for: in its model the three ways were one."""
    page = (study / "compare.html").read_text()
    assert "share of steps in which D learned</th><td>100%</td><td>50%</td>" in page
    losses = [(study / "runs" / name / "metrics.jsonl").read_text() for name in ("every", "ratio-2")]
    assert losses[0] != losses[1]


def test_the_same_command_again_keeps_what_is_finished_and_goes_on_with_the_rest(
    study: Path, builtin_dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shutil.copytree(study, tmp_path / "turns")
    finished, killed = (RunFolder(out / "runs" / name) for name in ("every", "ratio-2"))
    write_card(killed, read_card(killed) | {"status": "running"})  # as kill -9 leaves it, before its last checkpoint
    stored(killed.checkpoints)[-1].unlink()
    before, whole = finished.card.read_bytes(), killed.metrics.read_bytes()
    compare(out=out, dataset=builtin_dataset.path, recipe="tiny", turns=TURNS, settings=SETTINGS, kimg=0.16)
    assert f"[1/2] d_schedule=every: {finished.path} is trained already" in capsys.readouterr().err
    assert finished.card.read_bytes() == before
    card = read_card(killed)
    assert (card["status"], card["kimg"], len(card["sessions"])) == ("finished", 0.16, 2)
    assert card["sessions"][1]["from_kimg"] > 0
    assert killed.metrics.read_bytes() == whole


def test_a_run_trained_otherwise_is_not_passed_off_as_part_of_the_study(study: Path, builtin_dataset: Dataset) -> None:
    with pytest.raises(FacesmithError, match=r"every was trained otherwise \(learning_rate 0\.0004 -> 0\.1\)"):
        compare(out=study, dataset=builtin_dataset, recipe="tiny", turns=TURNS, kimg=0.16, quiet=True,
                settings=(*SETTINGS, "learning_rate=0.1"))  # fmt: skip


def test_a_way_of_taking_turns_that_does_not_exist_is_refused_before_anything_trains(
    builtin_dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(FacesmithError, match="no way to take turns"):
        compare(out=tmp_path / "out", dataset=builtin_dataset, recipe="tiny", turns=("every", "often"), quiet=True)
    assert not (tmp_path / "out").exists()


def test_a_training_that_fails_is_a_result_and_the_study_goes_on(builtin_dataset: Dataset, tmp_path: Path) -> None:
    page = compare(out=tmp_path, dataset=builtin_dataset, recipe="tiny", turns=("ratio:2", "every"), kimg=0.064,
                   settings=(*SETTINGS, "learning_rate=1e30", "on_collapse=warn"), quiet=True)  # fmt: skip
    text = page.read_text()
    assert "“ratio-2” failed before its end" in text
    assert "“every” failed before its end" in text


def test_existing_runs_are_compared_without_training(study: Path, small_run: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small_run.rglob("*")}
    page = compare([small_run, study / "runs" / "every"], tmp_path / "out", quiet=True).read_text()
    assert "<h1>2 runs compared</h1>" in page
    assert "<th scope='row'>generator_width</th><td class='number'>8</td><td class='number'>4</td>" in page
    assert page.count("data:image/png") >= 4 + 3  # two sheets of each run, and at least three charts
    assert {path: path.stat().st_mtime_ns for path in small_run.rglob("*")} == before


@pytest.mark.parametrize("twice", [False, True])
def test_fewer_than_two_runs_are_one_sentence(small_run: Path, tmp_path: Path, twice: bool) -> None:
    with pytest.raises(FacesmithError, match="at least two runs"):
        compare([small_run, small_run / ".." / "run"] if twice else [small_run], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_for_training_needs_a_dataset(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="give a dataset"):
        compare([small_run], tmp_path / "out", minutes=5)


def test_a_file_is_no_place_for_a_comparison(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(FacesmithError, match="out is a file"):
        compare([small_run, small_run], tmp_path / "out")


def test_the_command_line_reaches_the_function(study: Path, small_run: Path, tmp_path: Path) -> None:
    words = ["compare", str(small_run), str(study / "runs" / "every"), "--out", str(tmp_path / "out"), "--quiet"]
    done = CliRunner().invoke(root, words)
    assert (done.exit_code, done.output) == (0, "")
    assert (tmp_path / "out" / "compare.html").exists()


def test_the_default_recipe_and_the_turns_named_in_the_help_exist() -> None:
    words = CliRunner().invoke(root, ["compare", "--help"]).output
    assert "[default: artiface]" in words
    assert "artiface" in RECIPES
