from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import facesmith
from facesmith import FacesmithError
from facesmith.cli import facesmith as command
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.runs.json_lines import read_lines
from facesmith.runs.run_files import read_card
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.makeover.batches import draw_batch, draw_noise
from facesmith.tasks.makeover.recipe import MakeoverRecipe
from facesmith.tasks.makeover.task import MakeoverTask
from facesmith.tasks.recipes import RECIPES
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.schedules import scheduled
from facesmith.training.settings import with_settings

ONE, OTHER = "No_Beard > Mouth_Slightly_Open", "back: Mouth_Slightly_Open > No_Beard"
PLAIN = ("batch_size=8", "threads=1", "precision=float32", "memory_format=channels_last", "device=cpu", "flip=false")
NARROW = ("width=4", "blocks=1", "discriminator_width=4", *PLAIN)


def recipe(name: str, *settings: str) -> MakeoverRecipe:
    found = RECIPES[name]
    assert isinstance(found, MakeoverRecipe)
    return with_settings(found, (*(NARROW if found.family == "masked" else PLAIN), *settings))


def task_of(given: MakeoverRecipe, dataset: Dataset, read: Any = None, **others: Path) -> MakeoverTask:
    task = MakeoverTask(given, dataset, SINGLE_PROCESS, others)
    pictures = torch.from_numpy(np.array(dataset.images))
    task.prepare(read or (lambda indices: pictures[torch.from_numpy(indices)]), lambda _: None)
    return task


@pytest.fixture(scope="module")
def run(builtin_dataset: Dataset, judge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = (*NARROW, f"directions={ONE}; {OTHER}", f"classifier={judge}", "log_steps=4", "tick_kimg=0.08",
                "score_kimg=0.16", "score_count=100", "score_share=1000", "watch_steps=4")  # fmt: skip
    folder = tmp_path_factory.mktemp("makeover") / "run"
    return facesmith.train("makeover+", builtin_dataset, folder, settings=settings, kimg=0.16, quiet=True)


@pytest.fixture(scope="module")
def judge(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = ("width=4", "feature_size=8", "batch_size=16", "threads=1", "precision=float32", "score_kimg=0",
                "memory_format=channels_last")  # fmt: skip
    folder = tmp_path_factory.mktemp("eye")
    made = facesmith.train("classifier", builtin_dataset, folder / "run", settings=settings, kimg=0.16, quiet=True)
    return Path(facesmith.export(made, folder / "judge").path)


def test_a_run_has_sheets_scores_and_a_card_that_counts_both_sides(run: Path, builtin_dataset: Dataset) -> None:
    folder = RunFolder(run)
    facts = read_card(folder)["task"]
    assert [one["name"] for one in facts["directions"]] == ["a", "back"]
    one, other = facts["counts"]
    assert (one["source"], one["held_out_source"]) == (other["target"], other["held_out_target"])
    assert len(list(folder.samples.iterdir())) == 3, "of what has learned nothing, half way, and at the end"
    (last,) = read_lines(folder.scores)
    for name in ("kid", "moved", "target"):
        assert last[name] == pytest.approx((last[f"{name}_a"] + last[f"{name}_back"]) / 2)
    assert 0 < last["moved"] < 1
    assert 0 <= last["target"] <= 1
    line = read_lines(folder.metrics)[-1]
    assert line["health"] == "healthy"
    assert {"identity", "attributes", "target", "mask", "moved", "diversity", "accuracy_real"} <= line.keys()
    assert "before and after" in (run / "report.html").read_text()


def test_every_batch_takes_turns_and_each_direction_its_own_faces_all_once_an_epoch(builtin_dataset: Dataset) -> None:
    given = recipe("makeover+", f"directions={ONE}; {OTHER}")
    seen: list[np.ndarray] = []
    pictures = torch.from_numpy(np.array(builtin_dataset.images))

    def read(indices: np.ndarray) -> torch.Tensor:
        seen.append(indices)
        return pictures[torch.from_numpy(indices)]

    task = task_of(given, builtin_dataset, read)
    state, held = task.new_state(), held_out_mask(builtin_dataset)
    for step in range(40):
        task.step(state, given, Progress(step, 8 * step))
    drawn = np.stack(seen).reshape(40, 2, 8)
    assert not held[drawn].any()
    for k, one in enumerate(task.domains):
        for stream, faces in ((0, one.sources), (1, one.targets)):
            order = drawn[:, stream, k::2].ravel()
            assert set(order[: len(faces)]) == set(faces)
            assert len(set(order[: len(faces)])) == len(faces) <= len(order)


def test_the_seeds_schedule_is_in_the_metrics_by_its_formulas(builtin_dataset: Dataset) -> None:
    given = recipe("makeover", "batch_size=2", f"directions={ONE}")
    task = task_of(given, builtin_dataset)
    state = task.new_state()
    for kimg in (0, 80, 200):
        shown = 1000 * kimg
        found = task.step(state, scheduled(given, shown), Progress(shown // 2, shown))
        a = 0.5 ** (kimg / 80)
        assert float(found["annealing"]) == pytest.approx(a, rel=1e-5)
        assert float(found["pixel_share"]) == pytest.approx(0.70 + 0.25 * a, rel=1e-5)
        assert float(found["noise"]) == pytest.approx(0.2 * a, rel=1e-5)
        assert float(found["learning_rate"]) == pytest.approx(2e-4 * a, abs=1e-7)
    late = task.step(state, scheduled(given, 10**9), Progress(1, 10**9))
    assert float(late["learning_rate"]) == pytest.approx(1e-7), "the floor"
    off = replace(given, schedule_half_life_kimg=None)
    still = task.step(state, scheduled(off, 200_000), Progress(2, 200_000))
    assert [round(float(still[name]), 6) for name in ("annealing", "pixel_share", "noise")] == [1, 0.95, 0.2]


def test_g_is_told_by_its_formula_and_both_learn_from_one_pass(builtin_dataset: Dataset) -> None:
    given = recipe("makeover", f"directions={ONE}", "pixel=0.9")
    task = task_of(given, builtin_dataset)
    state = task.new_state()
    before = {name: [p.clone() for p in net.parameters()] for name, net in state.nets.items()}
    said: list[torch.Tensor] = []
    state.nets["D"].register_forward_hook(lambda _, inputs, logits: said.append(logits.detach()))
    found = task.step(state, given, Progress())
    assert len(said) == 2, "of target faces, then of the made"
    real, made = (logits.sigmoid() for logits in said)
    assert float(found["loss_D"]) == pytest.approx(float(-(real.log().mean() + (1 - made).log().mean())), rel=1e-4)
    wanted = 0.1 * -made.log().mean() + 0.9 * found["moved"]
    assert float(found["loss_G"]) == pytest.approx(float(wanted), rel=1e-4)
    for name, net in state.nets.items():
        assert any(not torch.equal(a, b) for a, b in zip(before[name], net.parameters(), strict=True)), name


def test_noise_is_the_same_on_both_sides_and_never_beyond_two_spreads(builtin_dataset: Dataset) -> None:
    given = recipe("makeover+", f"directions={ONE}", "noise=0.1")
    task = task_of(given, builtin_dataset)
    state = task.new_state()
    looked: list[torch.Tensor] = []
    state.nets["D"].register_forward_pre_hook(lambda _, inputs: looked.append(inputs[0].detach().clone()))
    task.step(state, given, Progress())
    _, sources, targets = draw_batch(task.domains, given, 0)
    chosen = [torch.from_numpy(builtin_dataset.images[each]).permute(0, 3, 1, 2) for each in (targets, sources)]
    noises = [with_noise - (faces / 127.5 - 1) for with_noise, faces in zip(looked, chosen, strict=True)]
    # What has learned nothing returns its input, so what D sees of it is the source faces and the noise.
    assert torch.allclose(noises[0], noises[1], atol=1e-6)
    assert 0.38 < float(noises[0].abs().max()) <= 0.4 + 1e-5, "twice 0.1 of a range of 2"
    assert float(noises[0].std()) == pytest.approx(0.2 * 0.88, rel=0.03), "a normal cut at two spreads"
    one, again, other = (draw_noise(given, Progress(step=step), (32, 32), task.device) for step in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_makeover_learns_what_its_target_faces_have(builtin_dataset: Dataset) -> None:
    """Target faces are given a third of the brightness they had: source faces must become darker."""
    given = recipe("makeover+", f"directions={ONE}", "learning_rate=4e-3", "pixel=0", "batch_size=16")
    task = MakeoverTask(given, builtin_dataset, SINGLE_PROCESS, {})
    one = task.domains[0]
    only = np.setdiff1d(one.sources, one.targets)
    task.domains[0] = replace(one, sources=only)
    pictures = torch.from_numpy(np.array(builtin_dataset.images))
    pictures[one.targets] //= 3
    task.prepare(lambda indices: pictures[torch.from_numpy(indices)], lambda _: None)
    state = task.new_state()
    for step in range(60):
        task.step(state, given, Progress(step, 16 * step))
    before, after = task._changed(state.nets["G"], only[:32], 0)
    wanted = float((before + 1).mean()) * 2 / 3
    assert float((before - after).mean()) > wanted / 3


def test_a_judge_sees_before_and_after_moved_and_lit_alike(builtin_dataset: Dataset, judge: Path) -> None:
    """An untrained net changes nothing: were the two seen in different ways, that would be a change."""
    measured = []
    for settings in (("shift=0", "colour=0"), ("shift=0.2", "colour=0"), ("shift=0", "colour=0.3")):
        given = recipe("makeover+", f"directions={ONE}", "identity=1", "attributes=1", "target=1", *settings)
        task = task_of(given, builtin_dataset, classifier=judge)
        measured.append({key: float(value) for key, value in task.step(task.new_state(), given, Progress()).items()})
    assert [one["identity"] for one in measured] == [one["attributes"] for one in measured] == [0, 0, 0]
    assert len({one["target"] for one in measured}) == 3, "and neither of them as it stands"


def test_what_a_judge_would_measure_rests_without_one_and_is_said(builtin_dataset: Dataset) -> None:
    said: list[str] = []
    given = recipe("makeover+", f"directions={ONE}")
    task = MakeoverTask(given, builtin_dataset, SINGLE_PROCESS, {})
    pictures = torch.from_numpy(np.array(builtin_dataset.images))
    task.prepare(lambda indices: pictures[torch.from_numpy(indices)], said.append)
    assert "source faces" in said[0]
    assert said[1].endswith("disabled: identity, attributes, target")
    assert not {"identity", "attributes", "target"} & task.step(task.new_state(), given, Progress()).keys()


def test_what_does_not_fit_is_one_sentence(builtin_dataset: Dataset, judge: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(FacesmithError, match=r"one direction, not 2: .*makeover\+"):
        facesmith.train("makeover", builtin_dataset, run, settings=("directions=mtf;ftm",), quiet=True)
    with pytest.raises(FacesmithError, match="'Male' in where is not an attribute"):
        facesmith.train("makeover", builtin_dataset, run, settings=PLAIN, quiet=True)
    small = facesmith.import_dataset("builtin:256", tmp_path / "small", size="16", quiet=True)
    with pytest.raises(FacesmithError, match="classifier takes images of 32x32"):
        facesmith.train("makeover+", small, run, settings=(f"classifier={judge}", f"directions={ONE}"), quiet=True)
    assert not run.exists()


def test_the_command_puts_directions_together(builtin_dataset: Dataset, tmp_path: Path) -> None:
    data = str(builtin_dataset.path)
    options = ["--kimg", "0.016", "--quiet", *(part for one in (*NARROW, "score_kimg=0") for part in ("--set", one))]
    sides = ("--direction", OTHER, "--source", "No_Beard", "--target", "Mouth_Slightly_Open")
    done = CliRunner().invoke(command, ["train", "makeover+", data, str(tmp_path / "run"), *sides, *options])
    assert done.exit_code == 0, done.output
    facts = read_card(RunFolder(tmp_path / "run"))["task"]["directions"]
    assert [one["name"] for one in facts] == ["back", "b"]
    assert facts[1] == {"name": "b", "source": "No_Beard", "target": "Mouth_Slightly_Open"}
    alone = CliRunner().invoke(command, ["train", "makeover", data, str(tmp_path / "x"), "--source", "No_Beard"])
    assert "give both" in alone.output
    other = CliRunner().invoke(command, ["train", "tiny", data, str(tmp_path / "x"), "--direction", "mtf"])
    assert isinstance(other.exception, FacesmithError)
    assert "leave out --direction" in str(other.exception)
