import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from facesmith.cli import facesmith as root
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.runs.checkpoints import list_checkpoints
from facesmith.runs.run_data import read_card, read_recipe
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.compare import compare
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.recipes import RECIPES, from_table

SETTINGS = ("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
            "memory_format=channels_last", "log_steps=2", "checkpoint_kimg=0.064")  # fmt: skip
D_SCHEDULES = ("every", "ratio:2")


@pytest.fixture(scope="session")
def study(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of two tiny runs, which tests must not change."""
    out = tmp_path_factory.mktemp("study") / "turns"
    page = compare(out=out, dataset=builtin_dataset, recipe="tiny", d_schedules=D_SCHEDULES, settings=SETTINGS,
                   kimg=0.16, quiet=True)  # fmt: skip
    assert page == out / "compare.html"
    return out


def test_runs_of_a_study_differ_only_in_the_d_schedule(study: Path) -> None:
    recipes_read = [from_table(read_recipe(RunFolder(study / "runs" / name))[0]) for name in ("every", "ratio-2")]
    recipes = [recipe for recipe in recipes_read if isinstance(recipe, GANRecipe)]
    assert [recipe.d_schedule for recipe in recipes] == list(D_SCHEDULES)
    assert len({(r.seed, r.kimg, r.network["generator_width"], r.batch_size) for r in recipes}) == 1
    page = (study / "compare.html").read_text()
    for text in (
        "<td>ratio:2</td>",
        "All runs use the same images",
        "No run was scored",
    ):
        assert text in page, text


def test_the_d_schedule_takes_effect(study: Path) -> None:
    page = (study / "compare.html").read_text()
    assert "steps that trained D</th><td>100%</td><td>50%</td>" in page
    losses = [(study / "runs" / name / "metrics.jsonl").read_text() for name in ("every", "ratio-2")]
    assert losses[0] != losses[1]


def test_a_study_keeps_finished_runs_and_resumes_others(
    study: Path, builtin_dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shutil.copytree(study, tmp_path / "turns")
    complete, incomplete = (RunFolder(out / "runs" / name) for name in ("every", "ratio-2"))
    incomplete.write_card(
        read_card(incomplete) | {"status": "running"}
    )  # as kill -9 leaves it, before its last checkpoint
    list_checkpoints(incomplete.checkpoints)[-1].unlink()
    before, metrics_before = complete.card.read_bytes(), incomplete.metrics.read_bytes()
    compare(out=out, dataset=builtin_dataset.path, recipe="tiny", d_schedules=D_SCHEDULES, settings=SETTINGS, kimg=0.16)
    assert f"[1/2] d_schedule=every: {complete.path} is already trained" in capsys.readouterr().err
    assert complete.card.read_bytes() == before
    card = read_card(incomplete)
    assert (card["status"], card["kimg"], len(card["sessions"])) == ("finished", 0.16, 2)
    assert card["sessions"][1]["from_kimg"] > 0
    assert incomplete.metrics.read_bytes() == metrics_before


def test_a_run_with_other_settings_is_refused(study: Path, builtin_dataset: Dataset) -> None:
    with pytest.raises(FacesmithError, match=rf"every .*\(learning_rate {RECIPES['tiny'].learning_rate} -> 0\.1\)"):
        compare(out=study, dataset=builtin_dataset, recipe="tiny", d_schedules=D_SCHEDULES, kimg=0.16, quiet=True,
                settings=(*SETTINGS, "learning_rate=0.1"))  # fmt: skip


def test_an_unknown_d_schedule_is_refused_before_training(builtin_dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="invalid d_schedule="):
        compare(
            out=tmp_path / "out", dataset=builtin_dataset, recipe="tiny", d_schedules=("every", "often"), quiet=True
        )
    assert not (tmp_path / "out").exists()


def test_a_study_continues_after_a_failed_training(builtin_dataset: Dataset, tmp_path: Path) -> None:
    page = compare(out=tmp_path, dataset=builtin_dataset, recipe="tiny", d_schedules=("ratio:2", "every"), kimg=0.064,
                   settings=(*SETTINGS, "learning_rate=1e30", "on_collapse=warn"), quiet=True)  # fmt: skip
    text = page.read_text()
    assert "“ratio-2” failed" in text
    assert "“every” failed" in text


def test_existing_runs_are_compared_without_training(study: Path, small_run: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small_run.rglob("*")}
    page = compare([small_run, study / "runs" / "every"], tmp_path / "out", quiet=True).read_text()
    assert "<h1>2 runs compared</h1>" in page
    assert '<th scope="row">generator_width</th><td class="number">8</td><td class="number">4</td>' in page
    assert page.count("data:image/png") >= 4  # two sheets of each run
    assert page.count('<figure class="chart">') >= 3
    assert {path: path.stat().st_mtime_ns for path in small_run.rglob("*")} == before


@pytest.mark.parametrize("twice", [False, True])
def test_fewer_than_two_runs_are_refused(small_run: Path, tmp_path: Path, twice: bool) -> None:
    with pytest.raises(FacesmithError, match="at least two runs"):
        compare([small_run, small_run / ".." / "run"] if twice else [small_run], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_training_options_need_a_dataset(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="pass a dataset"):
        compare([small_run], tmp_path / "out", minutes=5)


def test_a_file_in_place_of_the_folder_is_refused(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(FacesmithError, match="out is a file"):
        compare([small_run, small_run], tmp_path / "out")


def test_the_command_writes_the_page(study: Path, small_run: Path, tmp_path: Path) -> None:
    arguments = ["compare", str(small_run), str(study / "runs" / "every"), "--out", str(tmp_path / "out"), "--quiet"]
    result = CliRunner().invoke(root, arguments)
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "out" / "compare.html").exists()


def test_the_default_recipe_of_the_help_exists() -> None:
    help_text = CliRunner().invoke(root, ["compare", "--help"]).output
    assert "[default: artiface]" in help_text
    assert "artiface" in RECIPES
