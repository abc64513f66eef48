"""The run of a game → model folder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from facesmith.files import atomic_folder, write_json, write_text
from facesmith.images.grid import make_grid, resize_images, save_image
from facesmith.models.backends import BLOCK
from facesmith.models.model import CARD, FORMAT, ONNX, VERSION, WEIGHTS, Model, load
from facesmith.models.network_files import agree, write_network
from facesmith.networks import build as networks
from facesmith.runs import run_folder as runs
from facesmith.tasks.export_source import Source
from facesmith.tasks.gan.card import model_card
from facesmith.tasks.gan.recipe import GANRecipe
from facesmith.tasks.gan.step import network_config
from facesmith.training import checkpoint
from facesmith.version import __version__

SHOWN = 64  # pixels a face in samples.png, at most: the picture stays small beside the weights


def export_run(source: Source, target: Path, name: str | None, half: bool) -> Model:
    """Write the averaged G, and the faces 0 to 63 of seed 0."""
    recipe = source.recipe
    assert isinstance(recipe, GANRecipe)
    config = network_config(recipe, source.size)
    network = networks.as_card(recipe.family, config)
    net = networks.from_card(network).eval()
    net.load_state_dict(checkpoint.load_ema(source.checkpoint, "G"))
    with atomic_folder(target, "model") as folder:
        takes = {"z": torch.zeros(2, config.latent_size)}
        digest = write_network(net, takes, ["pictures"], half, folder / WEIGHTS, folder / ONNX)
        card: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "name": name or target.resolve().name,
            "network": network,
            "latent": recipe.latent,
            "parameters": networks.count_parameters(net),
            "weights": "float16" if half else "float32",
            "digest": digest,
            "trained": source.trained() | {"hold_out": recipe.hold_out},
            "dataset": source.card["dataset"],
            "terms": source.terms,
            "facesmith": __version__,
            "created": runs.now(),
        }
        write_json(folder / CARD, card)
        latents = np.random.default_rng(0).standard_normal((BLOCK, config.latent_size), np.float32)
        made = [load(folder, backend, quiet=True)._backend(latents) for backend in ("onnx", "torch")]
        card["onnx_parity"] = agree("generator", made[:1], made[1:])
        write_json(folder / CARD, card)
        write_text(folder / "README.md", model_card(card, recipe))
        faces = resize_images(load(folder).sample(64, seed=0), SHOWN, enlarge=False)
        save_image(make_grid(faces, scale=max(1, SHOWN // config.size[0])), folder / "samples.png")
    return load(target)
