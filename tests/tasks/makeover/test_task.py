from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import facesmith
from facesmith import FacesmithError
from facesmith.cli import facesmith as command
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.models.folder import ModelFolder
from facesmith.networks.classifier import from_card
from facesmith.runs.json_lines import read_lines
from facesmith.runs.run_data import read_card
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.makeover.batches import draw_batch, draw_noise
from facesmith.tasks.makeover.recipes import MakeoverRecipe
from facesmith.tasks.makeover.task import MakeoverTask
from facesmith.tasks.recipes import RECIPES
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.sampling import Reader
from facesmith.training.schedules import apply_schedule
from facesmith.training.settings import with_settings

DIRECTION, REVERSE = "No_Beard > Mouth_Slightly_Open", "back: Mouth_Slightly_Open > No_Beard"
PLAIN = ("batch_size=8", "threads=1", "precision=float32", "memory_format=channels_last", "device=cpu", "flip=false")
NARROW = ("width=4", "blocks=1", "discriminator_width=4", *PLAIN)


def recipe(name: str, *settings: str) -> MakeoverRecipe:
    base = RECIPES[name]
    assert isinstance(base, MakeoverRecipe)
    return with_settings(base, (*(NARROW if base.family == "masked" else PLAIN), *settings))


def task_of(makeover_recipe: MakeoverRecipe, dataset: Dataset, **pretrained: Path) -> MakeoverTask:
    task = MakeoverTask(makeover_recipe, dataset, SINGLE_PROCESS, pretrained)
    pictures = torch.from_numpy(np.array(dataset.images))
    task.prepare(Reader(lambda indices: pictures[torch.from_numpy(indices)]), lambda _: None)
    return task


@pytest.fixture(scope="module")
def run(builtin_dataset: Dataset, classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = (*NARROW, f"directions={DIRECTION}; {REVERSE}", f"classifier={classifier}", "log_steps=4",
                "tick_kimg=0.08", "score_kimg=0.16", "score_count=100", "score_share=1000",
                "watch_steps=4")  # fmt: skip
    folder = tmp_path_factory.mktemp("makeover") / "run"
    return facesmith.train("makeover+", builtin_dataset, folder, settings=settings, kimg=0.16, quiet=True)


@pytest.fixture(scope="module")
def classifier(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = ("width=4", "feature_size=8", "batch_size=16", "threads=1", "precision=float32", "score_kimg=0",
                "memory_format=channels_last")  # fmt: skip
    folder = tmp_path_factory.mktemp("eye")
    classifier_run = facesmith.train(
        "classifier", builtin_dataset, folder / "run", settings=settings, kimg=0.16, quiet=True
    )
    return Path(facesmith.export(classifier_run, folder / "judge").path)


def test_a_run_has_sheets_scores_and_domain_counts(run: Path, builtin_dataset: Dataset) -> None:
    folder = RunFolder(run)
    facts = read_card(folder)["task"]
    assert [first["name"] for first in facts["directions"]] == ["a", "back"]
    first, second = facts["counts"]
    assert (first["source"], first["held_out_source"]) == (second["target"], second["held_out_target"])
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


def test_batches_alternate_between_directions_and_cover_an_epoch(
    builtin_dataset: Dataset, train_steps: Callable[..., list[int]]
) -> None:
    setup = recipe("makeover+", f"directions={DIRECTION}; {REVERSE}")
    task, held_out = MakeoverTask(setup, builtin_dataset, SINGLE_PROCESS, {}), held_out_mask(builtin_dataset)
    rows = np.array(train_steps(task, 40)).reshape(40, 2, 8)
    assert not held_out[rows].any()
    for k, domain in enumerate(task.domains):
        for stream, faces in ((0, domain.sources), (1, domain.targets)):
            order = rows[:, stream, k::2].ravel()
            assert set(order[: len(faces)]) == set(faces)
            assert len(set(order[: len(faces)])) == len(faces) <= len(order)


def test_the_schedule_follows_deep_makeovers_formulas(builtin_dataset: Dataset) -> None:
    setup = recipe("makeover", "batch_size=2", f"directions={DIRECTION}")
    task = task_of(setup, builtin_dataset)
    state = task.new_state()
    for kimg in (0, 80, 200):
        images_seen = 1000 * kimg
        metrics = task.step(state, apply_schedule(setup, images_seen), Progress(images_seen // 2, images_seen))
        a = 0.5 ** (kimg / 80)
        assert float(metrics["annealing"]) == pytest.approx(a, rel=1e-5)
        assert float(metrics["pixel_share"]) == pytest.approx(0.70 + 0.25 * a, rel=1e-5)
        assert float(metrics["noise"]) == pytest.approx(0.2 * a, rel=1e-5)
        assert float(metrics["learning_rate"]) == pytest.approx(2e-4 * a, abs=1e-7)
    late = task.step(state, apply_schedule(setup, 10**9), Progress(1, 10**9))
    assert float(late["learning_rate"]) == pytest.approx(1e-7), "the floor"
    off = replace(setup, schedule_half_life_kimg=None)
    constant = task.step(state, apply_schedule(off, 200_000), Progress(2, 200_000))
    assert [round(float(constant[name]), 6) for name in ("annealing", "pixel_share", "noise")] == [1, 0.95, 0.2]


def test_losses_follow_their_formula_and_both_networks_learn(builtin_dataset: Dataset) -> None:
    setup = recipe("makeover", f"directions={DIRECTION}", "pixel=0.9")
    task = task_of(setup, builtin_dataset)
    state = task.new_state()
    before = {name: [p.clone() for p in net.parameters()] for name, net in state.nets.items()}
    logits_of_passes: list[torch.Tensor] = []
    state.nets["D"].register_forward_hook(lambda _, inputs, logits: logits_of_passes.append(logits.detach()))
    metrics = task.step(state, setup, Progress())
    assert len(logits_of_passes) == 2, "of target faces, then of results"
    real, fake = (logits.sigmoid() for logits in logits_of_passes)
    assert float(metrics["loss_D"]) == pytest.approx(float(-(real.log().mean() + (1 - fake).log().mean())), rel=1e-4)
    expected = 0.1 * -fake.log().mean() + 0.9 * metrics["moved"]
    assert float(metrics["loss_G"]) == pytest.approx(float(expected), rel=1e-4)
    for name, net in state.nets.items():
        assert any(not torch.equal(a, b) for a, b in zip(before[name], net.parameters(), strict=True)), name


def test_noise_is_shared_and_limited_to_two_deviations(builtin_dataset: Dataset) -> None:
    setup = recipe("makeover+", f"directions={DIRECTION}", "noise=0.1")
    task = task_of(setup, builtin_dataset)
    state = task.new_state()
    inputs_of_d: list[torch.Tensor] = []
    state.nets["D"].register_forward_pre_hook(lambda _, inputs: inputs_of_d.append(inputs[0].detach().clone()))
    task.step(state, setup, Progress())
    _, sources, targets = draw_batch(task.domains, setup, 0)
    originals = [
        torch.from_numpy(builtin_dataset.images[indices]).permute(0, 3, 1, 2) for indices in (targets, sources)
    ]
    noises = [with_noise - (faces / 127.5 - 1) for with_noise, faces in zip(inputs_of_d, originals, strict=True)]
    # An untrained net returns its input, so the input of D is the source faces and the noise.
    assert torch.allclose(noises[0], noises[1], atol=1e-6)
    assert 0.38 < float(noises[0].abs().max()) <= 0.4 + 1e-5, "twice 0.1 of a range of 2"
    assert float(noises[0].std()) == pytest.approx(0.2 * 0.88, rel=0.03), "a normal cut at two spreads"
    first, repeat, second = (draw_noise(setup, Progress(step=step), (32, 32), task.device) for step in (0, 0, 1))
    assert torch.equal(first, repeat)
    assert not torch.equal(first, second)


def test_a_makeover_learns_the_brightness_of_target_faces(builtin_dataset: Dataset) -> None:
    """Target faces get a third of their brightness, so source faces must become darker."""
    setup = recipe("makeover+", f"directions={DIRECTION}", "learning_rate=4e-3", "pixel=0", "batch_size=16")
    task = MakeoverTask(setup, builtin_dataset, SINGLE_PROCESS, {})
    domain = task.domains[0]
    only = np.setdiff1d(domain.sources, domain.targets)
    task.domains[0] = replace(domain, sources=only)
    pictures = torch.from_numpy(np.array(builtin_dataset.images))
    pictures[domain.targets] //= 3
    task.prepare(Reader(lambda indices: pictures[torch.from_numpy(indices)]), lambda _: None)
    state = task.new_state()
    for step in range(60):
        task.step(state, setup, Progress(step, 16 * step))
    before, after = task._changed(state.nets["G"], only[:32], 0)
    expected = float((before + 1).mean()) * 2 / 3
    assert float((before - after).mean()) > expected / 3


def test_the_classifier_gets_the_same_augmentation_twice(builtin_dataset: Dataset, classifier: Path) -> None:
    """An untrained net changes nothing, so different augmentations would appear as a change."""
    results = []
    for settings in (("shift=0", "colour=0"), ("shift=0.2", "colour=0"), ("shift=0", "colour=0.3")):
        setup = recipe("makeover+", f"directions={DIRECTION}", "identity=1", "attributes=1", "target=1", *settings)
        task = task_of(setup, builtin_dataset, classifier=classifier)
        results.append({key: float(value) for key, value in task.step(task.new_state(), setup, Progress()).items()})
    assert [metrics["identity"] for metrics in results] == [metrics["attributes"] for metrics in results] == [0, 0, 0]
    assert len({metrics["target"] for metrics in results}) == 3, "and neither of them as it stands"


def test_classifier_losses_are_disabled_without_a_classifier(builtin_dataset: Dataset) -> None:
    messages: list[str] = []
    setup = recipe("makeover+", f"directions={DIRECTION}")
    task = MakeoverTask(setup, builtin_dataset, SINGLE_PROCESS, {})
    pictures = torch.from_numpy(np.array(builtin_dataset.images))
    task.prepare(Reader(lambda indices: pictures[torch.from_numpy(indices)]), messages.append)
    assert "source faces" in messages[0]
    assert messages[1].endswith("disabled: identity, attributes, target")
    assert not {"identity", "attributes", "target"} & task.step(task.new_state(), setup, Progress()).keys()


def test_a_classifier_is_used_for_larger_images(classifier: Path, tmp_path: Path) -> None:
    """The classifier takes 32x32: images of 64x64 are reduced, so images without finer detail get the same losses."""
    large = facesmith.import_dataset("builtin:256", tmp_path / "large", size="64", quiet=True)
    setup = recipe("makeover+", f"directions={DIRECTION}", "identity=1", "target=1")
    task = task_of(setup, large, classifier=classifier)
    assert float(task.step(task.new_state(), setup, Progress())["target"]) > 0
    reduced = task.new_state().pretrained["C"]
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    enlarged = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    weights = ModelFolder(classifier, "classifier")
    original = from_card(weights.read_card()["network"]).eval()
    original.load_state_dict(weights.read_weights())
    with torch.no_grad():
        assert torch.allclose(reduced(enlarged)[0], original(images)[0], atol=1e-5)


def test_mismatched_settings_are_refused(builtin_dataset: Dataset, classifier: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(FacesmithError, match=r"one direction, not 2: .*makeover\+"):
        facesmith.train("makeover", builtin_dataset, run, settings=("directions=mtf;ftm",), quiet=True)
    with pytest.raises(FacesmithError, match="'Male' is not an attribute"):
        facesmith.train("makeover", builtin_dataset, run, settings=PLAIN, quiet=True)
    small = facesmith.import_dataset("builtin:256", tmp_path / "small", size="16", quiet=True)
    with pytest.raises(FacesmithError, match="classifier requires 32x32 .* 16x16 .*--size 32x32"):
        facesmith.train(
            "makeover+", small, run, settings=(f"classifier={classifier}", f"directions={DIRECTION}"), quiet=True
        )
    assert not run.exists()


def test_the_command_combines_its_directions(builtin_dataset: Dataset, tmp_path: Path) -> None:
    data = str(builtin_dataset.path)
    options = ["--kimg", "0.016", "--quiet", *(part for text in (*NARROW, "score_kimg=0") for part in ("--set", text))]
    direction_options = ("--direction", REVERSE, "--source", "No_Beard", "--target", "Mouth_Slightly_Open")
    result = CliRunner().invoke(
        command, ["train", "makeover+", data, str(tmp_path / "run"), *direction_options, *options]
    )
    assert result.exit_code == 0, result.output
    facts = read_card(RunFolder(tmp_path / "run"))["task"]["directions"]
    assert [text["name"] for text in facts] == ["back", "b"]
    assert facts[1] == {"name": "b", "source": "No_Beard", "target": "Mouth_Slightly_Open"}
    incomplete = CliRunner().invoke(command, ["train", "makeover", data, str(tmp_path / "x"), "--source", "No_Beard"])
    assert incomplete.exit_code == 2
    assert "--source and --target" in incomplete.output
    wrong_recipe = CliRunner().invoke(command, ["train", "tiny", data, str(tmp_path / "x"), "--direction", "mtf"])
    assert isinstance(wrong_recipe.exception, FacesmithError)
    assert "recipe tiny" in str(wrong_recipe.exception)
    assert "--direction" in str(wrong_recipe.exception)
