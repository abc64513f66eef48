import json
import shutil
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
from facesmith.tasks.encoder.recipe import EncoderRecipe
from facesmith.tasks.encoder.task import EncoderTask
from facesmith.tasks.pretrained import find_pretrained
from facesmith.tasks.recipes import RECIPES
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.settings import with_settings

MACHINE = ("batch_size=16", "threads=1", "device=cpu", "precision=float32", "memory_format=contiguous")


def recipe(*settings: str) -> EncoderRecipe:
    encoder = RECIPES["encoder"]
    assert isinstance(encoder, EncoderRecipe)
    return with_settings(encoder, (*MACHINE, *settings))


def task(data: Dataset, *settings: str) -> EncoderTask:
    wanted = recipe(*settings)
    made = EncoderTask(wanted, data, SINGLE_PROCESS, find_pretrained(wanted))
    pictures = torch.from_numpy(np.array(data.images))
    made.prepare(lambda indices: pictures[torch.from_numpy(indices)], print)
    return made


def test_an_encoder_gets_better_on_photos_it_never_saw_and_at_latents(encoder_run: Path) -> None:
    scores = read_lines(RunFolder(encoder_run).scores)
    assert [line["kimg"] for line in scores] == [0.8, 1.6, 2.4]
    first, last = scores[0], scores[-1]
    assert last["pixel"] < 0.7 * first["pixel"]
    assert last["psnr"] > first["psnr"] + 1
    assert last["latent"] < 0.8 < first["latent"]
    assert read_metadata(encoder_run / "best.safetensors")["score"]["pixel"] == min(line["pixel"] for line in scores)


def test_the_run_has_its_own_copy_of_the_generator_and_changes_nothing_of_it(
    encoder_run: Path, vivid_model: Path
) -> None:
    copy = encoder_run / "pretrained" / "model"
    for path in vivid_model.iterdir():
        assert (copy / path.name).read_bytes() == path.read_bytes()
    names = load_file(list_checkpoints(encoder_run / "checkpoints")[-1])
    assert {name.partition(".")[0] for name in names} == {"E", "average", "adam_E"}


def test_no_step_reads_a_photo_that_is_held_out_and_g_stays(builtin_dataset: Dataset, small_model: Model) -> None:
    made = task(builtin_dataset, f"model={small_model.path}")
    plain, seen = made.read, []

    def read(indices: np.ndarray) -> torch.Tensor:
        seen.extend(indices.tolist())
        return plain(indices)

    made.prepare(read, print)
    state = made.new_state()
    before = {name: t.clone() for name, t in state.pretrained["G"].state_dict().items()}
    for step in range(26):  # two epochs of 206
        made.step(state, made.recipe, Progress(step, 16 * step))
    held = held_out_mask(builtin_dataset)
    assert held.sum() == 50
    assert set(seen) == set(np.flatnonzero(~held))
    assert all(torch.equal(t, before[name]) for name, t in state.pretrained["G"].state_dict().items())


def test_a_dial_at_nothing_turns_its_part_off(builtin_dataset: Dataset, small_model: Model, small_run: Path) -> None:
    parts = ("pixel", "latent", "feature", "prior")
    for part in parts:
        off = [f"{name}=0" for name in parts if name != part]
        made = task(builtin_dataset, f"model={small_model.path}", f"gan={small_run}", f"{part}=2", *off)
        measured = made.step(made.new_state(), made.recipe, Progress())
        assert float(measured["loss_E"]) == pytest.approx(2 * float(measured[part]), rel=1e-5)


def test_an_encoder_starts_as_the_d_of_the_run_that_is_given(
    builtin_dataset: Dataset, small_model: Model, small_run: Path, tmp_path: Path
) -> None:
    made = task(builtin_dataset, f"model={small_model.path}", f"gan={small_run}")
    D = checkpoint.load_net(list_checkpoints(small_run / "checkpoints")[-1], "D")
    E = made.new_state().nets["E"].state_dict()
    shared = [name for name in D if not name.startswith("head.")]
    assert shared
    assert all(torch.equal(E[f"body.{name}"], D[name]) for name in shared)
    with pytest.raises(FacesmithError, match="not as wide"):
        task(builtin_dataset, f"model={small_model.path}", f"gan={small_run}", "width=4").new_state()
    with pytest.raises(FacesmithError, match="not a run with checkpoints"):
        find_pretrained(recipe(f"model={small_model.path}", f"gan={tmp_path}"))


def test_a_judge_is_looked_through_before_d(
    builtin_dataset: Dataset, small_model: Model, labelled: Dataset, judge_run: Path, tmp_path: Path
) -> None:
    judge = facesmith.export(judge_run, tmp_path / "judge").path
    with pytest.raises(FacesmithError, match="classifier takes images of 16x16"):
        task(builtin_dataset, f"model={small_model.path}", f"classifier={judge}")


def test_what_is_missing_or_does_not_fit_is_one_sentence(
    builtin_dataset: Dataset, labelled: Dataset, small_model: Model, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(FacesmithError, match="name its model folder with --model"):
        facesmith.train("encoder", builtin_dataset, run, quiet=True)
    with pytest.raises(FacesmithError, match="the model takes images of 32x32 and noise has 16x16"):
        facesmith.train("encoder", labelled, run, model=small_model.path, quiet=True)
    with pytest.raises(FacesmithError, match="leave out --model"):
        facesmith.train("tiny", builtin_dataset, run, model=small_model.path, quiet=True)
    assert not run.exists()


def test_resume_needs_nothing_but_the_run(
    generated: Dataset, vivid_model: Path, small_model: Model, encoder_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(encoder_run, run)
    hidden = vivid_model.rename(vivid_model.with_name("hidden"))
    facesmith.train("encoder", generated, run, resume=True, kimg=2.432, quiet=True)
    hidden.rename(vivid_model)
    assert json.loads((run / "run.json").read_text())["kimg"] == 2.432
    with pytest.raises(FacesmithError, match="was trained with another recipe .model .* -> "):
        facesmith.train("encoder", generated, run, resume=True, model=small_model.path, kimg=2.5, quiet=True)
