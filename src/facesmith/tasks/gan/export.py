"""Export the run of a GAN as a model folder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from facesmith.images.grid import make_grid, resize_images, save_sheet
from facesmith.metrics.scores import scores_section
from facesmith.models.base import BLOCK
from facesmith.models.folder import new_model_folder
from facesmith.models.model import Model, load
from facesmith.models.network_files import check_parity, write_network
from facesmith.models.onnx_interface import finish_generator
from facesmith.models.onnx_snippets import ONNX_HEADING, onnx_section
from facesmith.models.readme import data_section, files_section, readme, training_section
from facesmith.networks import build as networks
from facesmith.tasks.export import Source
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.step import network_config
from facesmith.training import checkpoint
from facesmith.training.settings import Recipe

SHEET_FACE_SIZE = 64  # pixels a face in samples.png, at most, to keep the file small


def export_run(source: Source, target: Path, name: str | None, half: bool) -> Model:
    """Write the EMA of G, and a sheet of the faces 0 to 63 of seed 0."""
    recipe = source.recipe
    assert isinstance(recipe, GANRecipe)
    config = network_config(recipe, source.size)
    network = networks.as_card(recipe.family, config)
    net = networks.from_card(network).eval()
    net.load_state_dict(checkpoint.load_ema(source.checkpoint, "G"))
    with new_model_folder(target, "generator") as folder:
        inputs = {"z": torch.zeros(2, config.latent_size)}
        digest = write_network(net, inputs, ["pictures"], half, folder.weights, folder.onnx)
        card: dict[str, Any] = {
            "name": name or target.resolve().name,
            "network": network,
            "latent": recipe.latent,
            **({"conditions": recipe.attribute_names} if recipe.attribute_names else {}),
            **source.card_fields(net, digest, half),
            "trained": source.training_entry() | {"hold_out": recipe.hold_out},
        }
        if started_from := source.card.get("task"):
            card["trained"]["started_from"] = started_from
            card["dataset"] = add_credit(card["dataset"], started_from["credit"])
        finish_generator(folder.onnx, card)
        folder.write_card(card)
        latents = np.random.default_rng(0).standard_normal((BLOCK, config.latent_size), np.float32)
        by_onnx, by_torch = (load(folder.path, backend, quiet=True) for backend in ("onnx", "torch"))
        card["onnx_parity"] = check_parity("generator", [by_onnx.network(latents)], [by_torch.network(latents)])
        folder.write_card(card)
        folder.write_readme(model_card(card, recipe))
        faces = resize_images(by_onnx.sample(64, seed=0), SHEET_FACE_SIZE, enlarge=False)
        sheet = make_grid(faces, scale=max(1, SHEET_FACE_SIZE // config.size[0]))
        save_sheet(sheet, folder.path / "samples.png", by_onnx.marks(seed=0))
    return load(target)


def add_credit(dataset: dict[str, Any], credit: str | None) -> dict[str, Any]:
    """Return the card of a dataset with the credit of the model that the run started from."""
    own = dataset["source"].get("credit") or ""
    if credit and credit not in own:
        own = credit if own in credit else f"{own} {credit}"
    return {**dataset, "source": {**dataset["source"], "credit": own or None}}


def model_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Return the Markdown of a model with the card ``card``, trained by ``recipe``."""
    (width, height), trained = card["network"]["size"], card["trained"]
    remarks = (
        f" The best KID during training was {1000 * trained['score']['kid']:.1f} x 10⁻³." if trained["score"] else ""
    )
    if trained.get("hold_out"):
        remarks += " The images used to evaluate encoders, classifiers and edits were held out of training."
    if started_from := trained.get("started_from"):
        remarks += f" It started from the model `{started_from['model']}` (SHA-256 `{started_from['digest'][:16]}`)."
    introduction = (
        f"A generator of {width}x{height} faces, made with facesmith {card['facesmith']}.\n\n"
        "![Faces 0 to 63 of seed 0, not selected](samples.png)"
    )
    example = [
        "import facesmith",
        "",
        f'model = facesmith.load("{card["name"]}")',
        "faces = model.sample(16, seed=1)  # 16 x H x W x 3, uint8",
    ]
    sections = {
        "Data and terms": data_section(card, "model"),
        "Training": training_section(card, recipe, remarks),
        "Scores": scores_section(card.get("scores", [])),
        "Files": files_section("generator", card),
        ONNX_HEADING: onnx_section(card),
    }
    return readme(card["name"], introduction, "python", example, sections)
