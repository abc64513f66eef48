import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.runs.json_lines import read_lines
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.encoder.recipes import EncoderRecipe
from facesmith.tasks.encoder.task import EncoderTask
from facesmith.tasks.pretrained import find_pretrained
from facesmith.tasks.recipes import RECIPES
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.sampling import Reader
from facesmith.training.settings import with_settings

MACHINE = ("batch_size=16", "threads=1", "device=cpu", "precision=float32", "memory_format=contiguous")


def recipe(*settings: str) -> EncoderRecipe:
    encoder = RECIPES["encoder"]
    assert isinstance(encoder, EncoderRecipe)
    return with_settings(encoder, (*MACHINE, *settings))


def task(data: Dataset, *settings: str) -> EncoderTask:
    settings_recipe = recipe(*settings)
    encoder_task = EncoderTask(settings_recipe, data, SINGLE_PROCESS, find_pretrained(settings_recipe))
    pictures = torch.from_numpy(np.array(data.images))
    encoder_task.prepare(Reader(lambda indices: pictures[torch.from_numpy(indices)]), print)
    return encoder_task


def test_an_encoder_improves_on_held_out_photos_and_latents(encoder_run: Path) -> None:
    scores = read_lines(RunFolder(encoder_run).scores)
    assert [line["kimg"] for line in scores] == [0.8, 1.6, 2.4]
    first, last = scores[0], scores[-1]
    assert last["pixel"] < 0.7 * first["pixel"]
    assert last["psnr"] > first["psnr"] + 1
    assert last["latent"] < 0.8 < first["latent"]
    assert read_metadata(encoder_run / "best.safetensors")["score"]["pixel"] == min(line["pixel"] for line in scores)


def test_the_run_contains_an_unchanged_copy_of_the_generator(encoder_run: Path, vivid_model: Path) -> None:
    copy = encoder_run / "pretrained" / "model"
    for path in vivid_model.iterdir():
        assert (copy / path.name).read_bytes() == path.read_bytes()
    names = load_file(list_checkpoints(encoder_run / "checkpoints")[-1])
    assert {name.partition(".")[0] for name in names} == {"E", "average", "adam_E"}


def test_no_step_reads_held_out_photos_or_changes_g(
    builtin_dataset: Dataset, small_model: Model, train_steps: Callable[..., list[int]]
) -> None:
    encoder_task = task(builtin_dataset, f"model={small_model.path}")
    state = encoder_task.new_state()
    before = {name: t.clone() for name, t in state.pretrained["G"].state_dict().items()}
    read_rows = train_steps(encoder_task, 26, state)  # two epochs of 206
    held_out = held_out_mask(builtin_dataset)
    assert held_out.sum() == 50
    assert set(read_rows) == set(np.flatnonzero(~held_out))
    assert all(torch.equal(t, before[name]) for name, t in state.pretrained["G"].state_dict().items())


def test_a_loss_weight_of_zero_disables_the_loss(builtin_dataset: Dataset, small_model: Model, small_run: Path) -> None:
    losses = ("pixel", "latent", "feature", "prior")
    for part in losses:
        off = [f"{name}=0" for name in losses if name != part]
        encoder_task = task(builtin_dataset, f"model={small_model.path}", f"gan={small_run}", f"{part}=2", *off)
        metrics = encoder_task.step(encoder_task.new_state(), encoder_task.recipe, Progress())
        assert float(metrics["loss_E"]) == pytest.approx(2 * float(metrics[part]), rel=1e-5)


def test_an_encoder_starts_with_the_weights_of_the_gans_d(
    builtin_dataset: Dataset, small_model: Model, small_run: Path, tmp_path: Path
) -> None:
    encoder_task = task(builtin_dataset, f"model={small_model.path}", f"gan={small_run}")
    D = checkpoint.load_net(list_checkpoints(small_run / "checkpoints")[-1], "D")
    E = encoder_task.new_state().nets["E"].state_dict()
    body_names = [name for name in D if not name.startswith("head.")]
    assert body_names
    assert all(torch.equal(E[f"body.{name}"], D[name]) for name in body_names)
    with pytest.raises(FacesmithError, match="discriminator .* width=0"):
        task(builtin_dataset, f"model={small_model.path}", f"gan={small_run}", "width=4").new_state()
    with pytest.raises(FacesmithError, match="not a run with checkpoints"):
        find_pretrained(recipe(f"model={small_model.path}", f"gan={tmp_path}"))


def test_a_classifier_for_smaller_images_is_used(
    builtin_dataset: Dataset, small_model: Model, labelled: Dataset, classifier_run: Path, tmp_path: Path
) -> None:
    classifier = facesmith.export(classifier_run, tmp_path / "judge").path  # for 16x16
    encoder_task = task(builtin_dataset, f"model={small_model.path}", f"classifier={classifier}")
    extractor = encoder_task.new_state().pretrained["C"]
    assert len(extractor(torch.zeros(2, 3, 32, 32))[0]) == 2


def test_missing_or_mismatched_models_are_refused(
    builtin_dataset: Dataset, labelled: Dataset, small_model: Model, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(FacesmithError, match="with --model"):
        facesmith.train("encoder", builtin_dataset, run, quiet=True)
    with pytest.raises(FacesmithError, match="requires 32x32 images, but noise contains 16x16"):
        facesmith.train("encoder", labelled, run, model=small_model.path, quiet=True)
    with pytest.raises(FacesmithError, match="recipe classifier .*--model"):
        facesmith.train("classifier", builtin_dataset, run, model=small_model.path, quiet=True)
    assert not run.exists()


def test_resume_needs_only_the_run_folder(
    generated: Dataset, vivid_model: Path, small_model: Model, encoder_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(encoder_run, run)
    renamed = vivid_model.rename(vivid_model.with_name("hidden"))
    facesmith.train("encoder", generated, run, resume=True, kimg=2.432, quiet=True)
    renamed.rename(vivid_model)
    assert json.loads((run / "run.json").read_text())["kimg"] == 2.432
    with pytest.raises(FacesmithError, match="was trained with different settings .model .* -> "):
        facesmith.train("encoder", generated, run, resume=True, model=small_model.path, kimg=2.5, quiet=True)


def test_a_branch_may_have_a_model_that_lists_newer_settings(
    generated: Dataset, encoder_run: Path, vivid_model: Path, tmp_path: Path
) -> None:
    run, older = tmp_path / "run", tmp_path / "older"
    shutil.copytree(vivid_model, older)
    card = json.loads((older / "model.json").read_text())
    assert card["network"].pop("flatten") == 0
    (older / "model.json").write_text(json.dumps(card))
    facesmith.train("encoder", generated, encoder_run, resume=True, branch=run, model=older, kimg=2.432, quiet=True)
    assert json.loads((run / "run.json").read_text())["kimg"] == 2.432


def test_an_encoder_of_a_conditional_model_predicts_its_attributes_too(labelled: Dataset, tmp_path: Path) -> None:
    narrow = ("generator_width=4", "discriminator_width=4", "latent_size=6", "score_kimg=0", *MACHINE)
    run = facesmith.train("portrait", labelled, tmp_path / "gan", settings=(*narrow, "attributes=Red,Left"),
                          kimg=0.05, quiet=True)  # fmt: skip
    model = facesmith.export(run, tmp_path / "model").path
    encoder_task = task(labelled, f"model={model}", f"gan={run}")
    z = encoder_task._latents(50, 0)
    assert z.shape == (50, 8)
    assert set(z[:, 6:].unique().tolist()) == {-1.0, 0.0, 1.0}
    assert z[:, :6].unique().numel() == 300
    settings = ("score_kimg=0", f"gan={run}", *MACHINE)
    trained = facesmith.train(
        "encoder", labelled, tmp_path / "encoder", settings=settings, model=model, kimg=0.05, quiet=True
    )
    with_encoder = facesmith.export(trained, tmp_path / "with_encoder")
    assert with_encoder.encode(np.asarray(labelled.images[:3])).shape == (3, 8 + with_encoder.detail_size)
