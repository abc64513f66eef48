"""Export the run of a makeover as its model folder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from facesmith.models.base import BLOCK, onnx_session
from facesmith.models.folder import new_model_folder
from facesmith.models.makeover import Makeover, load_makeover
from facesmith.models.network_files import check_parity, write_network
from facesmith.models.onnx_interface import PICTURES, describe_file
from facesmith.models.readme import data_section, files_section, readme, training_section
from facesmith.networks import build as networks
from facesmith.tasks.export import Source
from facesmith.tasks.makeover.recipes import MakeoverRecipe
from facesmith.training import checkpoint
from facesmith.training.settings import Recipe

STRENGTHS = (0.5, 1.0)  # at which the outputs of both files are compared


def export_run(source: Source, target: Path, name: str | None, half: bool) -> Makeover:
    """Write the EMA of G. The folder has no sample images: they would be photos of people."""
    recipe, facts, data = source.recipe, source.card["task"], source.card["dataset"]
    assert isinstance(recipe, MakeoverRecipe)
    network = facts["network"]
    net = networks.from_card(network, "makeover").eval()
    net.load_state_dict(checkpoint.load_ema(source.checkpoint, "G"))
    with new_model_folder(target, "makeover") as folder:
        (width, height), count = source.size, len(facts["directions"])
        inputs = {"pictures": torch.zeros(2, 3, height, width), "strengths": torch.zeros(2, count)}
        digest = write_network(net, inputs, ["made"], half, folder.weights, folder.onnx)
        card: dict[str, Any] = {
            "name": name or target.resolve().name,
            "family": recipe.family,
            "directions": facts["directions"],
            "counts": facts["counts"],
            "network": network,
            **source.card_fields(net, digest, half),
            "size": list(source.size),
            "crop": data["crop"],
            "resize": data["resize"],
        }
        pictures = {"values": PICTURES, "width": width, "height": height}
        names = [direction["name"] for direction in facts["directions"]]
        strengths = {"names": names, "values": "0 to 1", "neutral": 0}
        describe_file(folder.onnx, card, {"pictures": pictures, "strengths": strengths}, {"made": pictures})
        card["onnx_parity"] = _parity(folder.onnx, net, source.size, count)
        folder.write_card(card)
        folder.write_readme(makeover_card(card, recipe))
    return load_makeover(target)


def _parity(onnx: Path, net: nn.Module, size: tuple[int, int], directions: int) -> float:
    session, rng = onnx_session(onnx, "makeover"), np.random.default_rng(0)
    images = rng.uniform(-1, 1, (BLOCK, 3, size[1], size[0])).astype(np.float32)
    by_onnx, by_torch = [], []
    for strength in STRENGTHS:
        for unit in np.eye(directions, dtype=np.float32) * np.float32(strength):
            strengths = np.tile(unit, (BLOCK, 1))
            by_onnx.append(session.run(["made"], {"pictures": images, "strengths": strengths})[0])
            with torch.no_grad():
                by_torch.append(net(torch.from_numpy(images), torch.from_numpy(strengths)).numpy())
    return check_parity("makeover", by_onnx, by_torch)


def makeover_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Return the Markdown of a makeover with the card ``card``, trained by ``recipe``."""
    (width, height), first = card["size"], card["directions"][0]["name"]
    introduction = (
        f"A makeover of {width}x{height} faces, made with facesmith {card['facesmith']}.\n\n"
        f"```bash\nfacesmith makeover {card['name']} photo.jpg --direction {first} --out results\n```"
    )
    example = [
        "import facesmith",
        "",
        f'makeover = facesmith.load_makeover("{card["name"]}")',
        f'makeover.apply(faces, "{first}", strength=1.0)  # uint8, N x {height} x {width} x 3',
    ]
    sections = {
        "Directions": [
            "| direction | from | to | training images | held-out images |",
            "|---|---|---|---|---|",
            *(_direction(*pair) for pair in zip(card["directions"], card["counts"], strict=True)),
        ],
        "Data and terms": [
            *data_section(card, "makeover"),
            "",
            "A result shows what faces with these labels have in common. It does not depict a real person, and must "
            "not be used to deceive.",
        ],
        "Training": training_section(card, recipe, _score(card["trained"]["score"])),
        "Files": files_section("makeover", card),
    }
    return readme(card["name"], introduction, "python", example, sections)


def _direction(direction: dict[str, str], counts: dict[str, int]) -> str:
    source, target = (direction[domain].replace("|", "\\|") for domain in ("source", "target"))
    return (
        f"| {direction['name']} | `{source}` | `{target}` | {counts['source']:,}, {counts['target']:,} | "
        f"{counts['held_out_source']:,}, {counts['held_out_target']:,} |"
    )


def _score(score: dict[str, float] | None) -> str:
    if score is None:
        return ""
    target = f"; {score['target']:.1%} were classified as having the target's attributes" if "target" in score else ""
    return (
        f" During training, held-out faces had a KID of {1000 * score['kid']:.1f} x 10⁻³ to target faces and a mean "
        f"pixel change of {score['moved']:.1%} of the range{target}."
    )
