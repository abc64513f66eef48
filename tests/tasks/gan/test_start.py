"""GANs that start from the generator of a trained model."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import facesmith
from facesmith import Dataset, FacesmithError, Model
from facesmith.data.importer import import_dataset
from facesmith.models.folder import ModelFolder
from facesmith.networks import build as networks
from facesmith.runs.checkpoints import list_checkpoints
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.start import fit_inputs
from facesmith.tasks.gan.step import network_config
from facesmith.training.checkpoint import load_net

SETTINGS = ("batch_size=8", "threads=1", "precision=float32", "memory_format=channels_last", "ema_kimg=0.001")


def has_changed(model: Model, checkpoint: Path) -> bool:
    """Return whether the weights of G in a checkpoint differ from the model's. Either all do, or none."""
    before, after = ModelFolder(model.path, "generator").read_weights(), load_net(checkpoint, "G")
    assert before.keys() == after.keys()
    statistics = {name for name in after if "running" in name or "num_batches" in name}  # of the newest batches
    changed = {not torch.equal(after[name], before[name]) for name in after.keys() - statistics}
    assert len(changed) == 1
    return changed.pop()


def test_g_starts_from_the_model_and_waits_until_d_has_learned(
    small_model: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    settings = (*SETTINGS, "warm_up_kimg=0.016", "checkpoint_kimg=0.008", "keep=99")
    run = facesmith.train(
        "finetune", builtin_dataset, tmp_path / "run", model=small_model.path, settings=settings, kimg=0.08, quiet=True
    )
    checkpoints = list_checkpoints(RunFolder(run).checkpoints)
    assert [has_changed(small_model, path) for path in checkpoints[:4]] == [False, False, True, True]


@pytest.mark.parametrize(("kimg", "minutes"), [(0.032, None), (None, 0.05)])
def test_g_learns_for_at_least_three_quarters_of_the_run(
    kimg: float | None, minutes: float | None, small_model: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    run = facesmith.train(
        "finetune", builtin_dataset, tmp_path / "run", model=small_model.path, settings=(*SETTINGS, "log_steps=1"),
        kimg=kimg, minutes=minutes, quiet=True,
    )  # fmt: skip
    assert has_changed(small_model, list_checkpoints(RunFolder(run).checkpoints)[-1])


def test_a_finetuned_model_credits_the_model_it_started_from(builtin_dataset: Dataset, tmp_path: Path) -> None:
    faces = import_dataset("builtin:64", tmp_path / "faces", size="64", quiet=True)
    run = facesmith.train(
        "finetune",
        faces,
        tmp_path / "run",
        model="celeba64",
        settings=SETTINGS,
        kimg=0.016,
        quiet=True,
    )
    start = facesmith.load("celeba64")
    model = facesmith.export(run, tmp_path / "model")
    assert (model.card["trained"]["started_from"]["digest"], model.conditions) == (start.digest, [])
    assert model.terms == start.terms
    assert np.abs(model.sample(4, seed=1).astype(int) - start.sample(4, seed=1)).mean() < 40, "the same faces"
    text = (model.path / "README.md").read_text()
    for source in (start, faces):
        assert source.card.get("dataset", source.card)["source"]["credit"] in text


def test_a_start_that_does_not_fit_is_an_error(small_model: Model, builtin_dataset: Dataset, tmp_path: Path) -> None:
    larger = import_dataset("builtin:16", tmp_path / "larger", size="64", quiet=True)
    for data, options, message in (
        (builtin_dataset, {}, "set model"),
        (larger, {"model": small_model.path}, "requires 32x32 images"),
        (builtin_dataset, {"model": small_model.path, "settings": ("generator_width=4",)}, "leave out the settings"),
        (builtin_dataset, {"model": tmp_path / "none"}, "does not exist"),
        (builtin_dataset, {"model": small_model.path, "settings": ("family=smooth",)}, "leave out family"),
        (builtin_dataset, {"model": small_model.path, "settings": ("latent_size=32",)}, "leave out the settings"),
        (builtin_dataset, {"model": small_model.path, "settings": ("model=celeba64",)}, "given twice"),
    ):
        with pytest.raises(FacesmithError, match=message):
            facesmith.train("finetune", data, tmp_path / "run", quiet=True, **options)
        assert not (tmp_path / "run").exists()


def test_the_start_of_an_existing_run_cannot_change(
    small_run: Path, small_model: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    for branch in (None, tmp_path / "branch"):
        with pytest.raises(FacesmithError, match="leave out --model"):
            facesmith.train(
                "tiny",
                builtin_dataset,
                small_run,
                model=small_model.path,
                kimg=20,
                resume=True,
                branch=branch,
                quiet=True,
            )


def test_terms_and_credit_of_the_start_stay_when_a_run_grows(tmp_path: Path) -> None:
    faces, larger = (
        import_dataset("builtin:32", tmp_path / f"faces{size}", size=str(size), quiet=True) for size in (16, 32)
    )
    narrow = ("generator_width=4", "discriminator_width=4")
    run = facesmith.train("portrait", faces, tmp_path / "first", settings=(*SETTINGS, *narrow), kimg=0.008, quiet=True)
    card_file = facesmith.export(run, tmp_path / "model").path / "model.json"
    card = json.loads(card_file.read_text())
    card["dataset"]["source"]["credit"] = "Photos by Ada."
    card_file.write_text(json.dumps(card | {"terms": "non-commercial research only"}))
    tuned = facesmith.train(
        "finetune", faces, tmp_path / "tuned", model=card_file.parent, settings=(*SETTINGS, "warm_up_kimg=0"),
        kimg=0.008, quiet=True,
    )  # fmt: skip
    grown = facesmith.train(
        "finetune", larger, tuned, settings=SETTINGS, kimg=0.016, resume=True, branch=tmp_path / "grown", quiet=True
    )
    model = facesmith.export(grown, tmp_path / "grown-model")
    assert model.size == (32, 32)
    assert model.terms == "non-commercial research only"
    assert "Photos by Ada." in model.card["dataset"]["source"]["credit"]
    assert model.card["trained"]["started_from"]["model"] == "model"


def test_attributes_behind_a_mapping_network_cannot_change(builtin_dataset: Dataset, tmp_path: Path) -> None:
    settings = (*SETTINGS, "generator_width=4", "discriminator_width=4", f"attributes={builtin_dataset.attributes[0]}")
    run = facesmith.train("small", builtin_dataset, tmp_path / "run", settings=settings, kimg=0.008, quiet=True)
    model = facesmith.export(run, tmp_path / "model")
    with pytest.raises(FacesmithError, match=f"set attributes={builtin_dataset.attributes[0]}"):
        facesmith.train("finetune", builtin_dataset, tmp_path / "tuned", model=model.path, quiet=True)


@pytest.mark.parametrize("family", ["dcgan", "smooth", "artiface"])
@pytest.mark.parametrize("names", ["", "Young,Smiling", "Smiling,Male,Hat"])
def test_attributes_are_dropped_reordered_or_added(family: str, names: str) -> None:
    old, new = (
        GAN_RECIPES["portrait"].with_values(family=family, attributes=attributes, latent_size=5, generator_width=4)
        for attributes in ("Smiling,Young", names)
    )
    before, _ = networks.build(family, network_config(old, (32, 32)), 1, conditions=2)
    after, _ = networks.build(family, network_config(new, (32, 32)), 2, conditions=len(new.attribute_names))
    after.load_state_dict(fit_inputs(before.state_dict(), old.attribute_names, new, before.latent_layers))
    z = torch.randn(3, 5)
    values = {"Young": 1.0, "Smiling": -1.0} if names else {"Young": 0.0, "Smiling": 0.0}
    values = {name: value for name, value in values.items() if name in new.attribute_names or not names}

    def latents(attributes: list[str], unknown: float) -> torch.Tensor:
        return torch.cat([z, torch.tensor([[values.get(name, unknown) for name in attributes]]).expand(3, -1)], 1)

    with torch.no_grad():
        images = after.eval()(latents(new.attribute_names, 1.0))
        expected = before.eval()(latents(old.attribute_names, 0.0))
    torch.testing.assert_close(images, expected, atol=1e-6, rtol=0)
