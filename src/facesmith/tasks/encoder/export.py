"""Export the run of an encoder as a model folder: its generator's model, and the encoder."""

import shutil
from pathlib import Path
from typing import Any

import torch

from facesmith.models.base import BLOCK
from facesmith.models.folder import ModelFolder, new_model_folder
from facesmith.models.model import Model, load
from facesmith.models.network_files import check_parity, write_network, write_onnx
from facesmith.models.onnx_interface import finish_encoder, finish_generator
from facesmith.models.onnx_snippets import ONNX_HEADING, onnx_section
from facesmith.models.readme import data_section, replace_section, training_section
from facesmith.networks import build as networks
from facesmith.tasks.encoder.recipes import EncoderRecipe
from facesmith.tasks.export import Source
from facesmith.terms import combine_terms, terms_of
from facesmith.training import checkpoint
from facesmith.training.settings import Recipe


def export_run(source: Source, target: Path, name: str | None, half: bool) -> Model:
    """Write the EMA of E and copies of the generator's files, and add the encoder to the card.

    If E predicts detail, generator.onnx is rewritten to accept it; the weights and the faces do not change.
    """
    recipe = source.recipe
    assert isinstance(recipe, EncoderRecipe)
    generator = ModelFolder(source.run.pretrained()["model"], "generator")
    old_card = generator.read_card()
    network = source.card["task"]["network"]
    net = networks.from_card(network).eval()
    net.load_state_dict(checkpoint.load_ema(source.checkpoint, "E"))
    with new_model_folder(target, "generator") as folder:
        shutil.copytree(generator.path, folder.path, dirs_exist_ok=True)
        width, height = network["size"]
        inputs = {"pictures": torch.zeros(2, 3, height, width)}
        digest = write_network(net, inputs, ["z"], half, folder.encoder_weights, folder.encoder_onnx)
        size = networks.detail_size(old_card["network"]) if net.detail is not None else 0
        if size:
            _accept_detail(old_card, size, folder)
        encoder: dict[str, Any] = {
            "network": network,
            "detail_size": size,
            **source.card_fields(net, digest, half),
            "learned_from": source.card["task"]["learned_from"],
            "held_out": source.card["task"]["held_out"],
        }
        terms = combine_terms([terms_of(old_card), encoder["terms"]])
        card = old_card | {"name": name or target.resolve().name, "terms": terms, "encoder": encoder}
        finish_generator(folder.onnx, card)
        finish_encoder(folder.encoder_onnx, card)
        folder.write_card(card)
        by_onnx, by_torch = (load(folder.path, backend, quiet=True) for backend in ("onnx", "torch"))
        faces = by_onnx.sample(BLOCK)
        z = by_onnx.encode(faces)
        encoder["onnx_parity"] = check_parity("encoder", [z], [by_torch.encode(faces)])
        card["onnx_parity"] = check_parity("generator", [by_onnx.network(z)], [by_torch.network(z)])
        folder.write_card(card)
        text = folder.read_readme() or f"# {old_card['name']}\n"
        text = text.replace(f"# {old_card['name']}\n", f"# {card['name']}\n", 1)
        text = replace_section(text, ONNX_HEADING, onnx_section(card))
        folder.write_readme(with_encoder(text, encoder, recipe))
    return load(target, quiet=True)


def _accept_detail(card: dict[str, Any], detail_size: int, folder: ModelFolder) -> None:
    """Rewrite the generator.onnx of a model folder to accept latents with detail."""
    net = networks.from_card(card["network"]).eval()
    net.load_state_dict(folder.read_weights())
    inputs = {"z": torch.zeros(2, card["network"]["latent_size"] + detail_size)}
    write_onnx(net, inputs, ["pictures"], card.get("weights") == "float16", folder.onnx)


def with_encoder(text: str, encoder: dict[str, Any], recipe: Recipe) -> str:
    """Return a model's README.md with a section on its encoder, in place of an earlier one."""
    score = encoder["trained"]["score"]
    remarks = f" The PSNR of {score['count']:,} held-out images is {score['psnr']:.2f} dB." if score else ""
    lines = [
        "```python",
        "z = model.encode(faces)  # N x latent_size; model.generate(z) reconstructs them",
        "```",
        "",
        "The encoder was trained for the generator above, whose weights were not changed, on "
        f"{encoder['learned_from']:,} of the {encoder['learned_from'] + encoder['held_out']:,} images described below. "
        f"The other {encoder['held_out']:,} images were held out.",
        "",
        f"The encoder is stored as `encoder.safetensors` (SHA-256 `{encoder['digest']}`) and `encoder.onnx`. Their "
        f"outputs differ by at most {encoder['onnx_parity']:.1e}.",
        "",
        *data_section(encoder, "encoder"),
        "",
        *training_section(encoder, recipe, remarks),
    ]
    return replace_section(text, "Encoder", lines)
