"""Run → model folder: weights, an ONNX generator that agrees with them, and a card that says where they come from."""

import dataclasses
import hashlib
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import new_folder, write_json, write_text
from facesmith.model import BLOCK, CARD, FORMAT, ONNX, VERSION, WEIGHTS, Model, load
from facesmith.model_card import model_card
from facesmith.reports.sheets import save_image, sheet
from facesmith.version import __version__

PARITY = 1e-3  # the most by which ONNX Runtime may differ from torch, on pictures in [-1, 1]: an eighth of a grey level


def export(run: str | Path, model: str | Path, *, checkpoint: str = "last", name: str | None = None) -> Model:
    """Write the generator of a run as a model folder and return it loaded.

    ``checkpoint`` is "last" or the kimg of one that the run has kept; ``name`` defaults to the folder's. Raises
    `FacesmithError` for a run without that checkpoint, a folder that is taken, or an ONNX generator that does not agree
    with torch.
    """
    require("torch", "train", "exporting")
    safetensors = require("safetensors.torch", "train", "exporting")
    from facesmith.networks.dcgan import Generator, parameters
    from facesmith.training import checkpoint as checkpoints
    from facesmith.training import runs
    from facesmith.training.step import network_config

    source, target = runs.RunFolder(Path(run)), Path(model)
    recipe, trained_on = runs.read_recipe(source)
    run_card = runs.read_card(source)
    chosen = _choose(checkpoints.stored(source.checkpoints), checkpoint, source.path)
    progress = checkpoints.read_card(chosen)
    config = network_config(recipe, (trained_on["width"], trained_on["height"]))
    net = Generator(config).eval()
    net.load_state_dict(checkpoints.generator_state(chosen))
    with new_folder(target, "model") as folder:
        safetensors.save_file({k: v.contiguous() for k, v in net.state_dict().items()}, folder / WEIGHTS)
        (folder / WEIGHTS).chmod(0o644)  # safetensors keeps its files from everyone else
        _write_onnx(net, config.latent_size, folder / ONNX)
        card: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "name": name or target.resolve().name,
            "network": {"family": recipe.family, **dataclasses.asdict(config)},
            "latent": recipe.latent,
            "parameters": parameters(net),
            "digest": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
            "trained": {
                "recipe": recipe.name,
                "kimg": progress["kimg"],
                "step": progress["step"],
                "seconds": round(progress["seconds"], 1),
                "machine": run_card["machine"],
            },
            "dataset": run_card["dataset"],
            "facesmith": __version__,
            "created": runs.now(),
        }
        write_json(folder / CARD, card)
        card["onnx_parity"] = _parity(folder, card["network"]["latent_size"])
        write_json(folder / CARD, card)
        write_text(folder / "README.md", model_card(card, recipe))
        save_image(sheet(load(folder).sample(64, seed=0), scale=max(1, 64 // config.size[0])), folder / "samples.png")
    return load(target)


def _choose(stored: list[Path], wanted: str, run: Path) -> Path:
    if not stored:
        raise FacesmithError(f"{run} has no checkpoint yet: train it longer, then export it")
    if wanted == "last":
        return stored[-1]
    lengths = {f"{float(path.name.removesuffix('.safetensors')):g}": path for path in stored}
    try:
        return lengths[f"{float(wanted):g}"]
    except (KeyError, ValueError):
        raise FacesmithError(
            f"{run} keeps no checkpoint {wanted!r}: choose last or one of {', '.join(lengths)}"
        ) from None


def _write_onnx(net: Any, latent_size: int, path: Path) -> None:
    torch = require("torch", "train", "exporting")
    require("onnxscript", "train", "exporting")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes to its own developers
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            net,
            (torch.zeros(2, latent_size),),
            input_names=["z"],
            output_names=["pictures"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
        program.save(str(path), external_data=False)


def _parity(folder: Path, latent_size: int) -> float:
    """The largest difference between the two backends, refused where anyone could see it."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((BLOCK, latent_size), np.float32)
    a, b = (load(folder, backend)._backend(z) for backend in ("onnx", "torch"))
    worst = float(np.abs(a - b).max())
    if not worst < PARITY:
        raise FacesmithError(
            f"the ONNX generator differs from torch's by {worst:g}, more than {PARITY:g}: not exported"
        )
    return worst
