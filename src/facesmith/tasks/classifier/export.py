"""Export the run of an attribute classifier as its model folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facesmith.images.pixels import to_float
from facesmith.models.base import BLOCK
from facesmith.models.classifier import AttributeClassifier, load_classifier
from facesmith.models.folder import ModelFolder, new_model_folder
from facesmith.models.network_files import check_parity, write_network
from facesmith.models.onnx_interface import PICTURES, describe_file
from facesmith.models.readme import data_section, files_section, readme, training_section
from facesmith.networks.classifier import ClassifierNetwork, Config
from facesmith.runs.json_lines import read_lines
from facesmith.tasks.classifier.recipes import ClassifierRecipe
from facesmith.tasks.export import Source
from facesmith.training import checkpoint
from facesmith.training.settings import Recipe

THRESHOLD = 0.5  # of every attribute: fitted thresholds would need images of their own


def export_run(source: Source, target: Path, name: str | None, half: bool) -> AttributeClassifier:
    """Write the EMA network, with the accuracy of each attribute if the checkpoint was scored."""
    recipe, facts = source.recipe, source.card["task"]
    assert isinstance(recipe, ClassifierRecipe)
    attributes = facts["attributes"]
    config = Config(source.size, len(attributes), recipe.width, recipe.feature_size, recipe.dropout)
    net = ClassifierNetwork(config).eval()
    net.load_state_dict(checkpoint.load_ema(source.checkpoint, "C"))
    data, score = source.card["dataset"], _score(source)
    trained = source.training_entry()
    trained["score"] = score and {key: score[key] for key in ("accuracy", "count")}
    with new_model_folder(target, "classifier") as folder:
        inputs = {"pictures": torch.zeros(2, 3, source.size[1], source.size[0])}
        digest = write_network(net, inputs, ["logits", "features"], half, folder.weights, folder.onnx)
        card: dict[str, Any] = {
            "name": name or target.resolve().name,
            "attributes": attributes,
            "thresholds": [THRESHOLD] * len(attributes),
            "base_rates": dict(zip(attributes, facts["base_rates"], strict=True)),
            "accuracy": score and {each: round(score[f"accuracy_{each}"], 5) for each in attributes},
            "size": list(source.size),
            "crop": data["crop"],
            "resize": data["resize"],
            "network": asdict(config),
            **source.card_fields(net, digest, half),
            "trained": trained,
            "learned_from": facts["learned_from"],
            "held_out": facts["held_out"],
        }
        folder.write_card(card)
        outputs = {
            "logits": {"names": attributes, "values": "1 / (1 + exp(-logit)) is the probability"},
            "features": {"size": recipe.feature_size},
        }
        width, height = source.size
        pictures = {"pictures": {"values": PICTURES, "width": width, "height": height}}
        describe_file(folder.onnx, card, pictures, outputs)
        card["onnx_parity"] = _parity(folder, net)
        folder.write_card(card)
        folder.write_readme(classifier_card(card, recipe))
    return load_classifier(target)


def _score(source: Source) -> dict[str, Any] | None:
    """Return the score of the chosen checkpoint, if there is one."""
    lines = read_lines(source.run.scores)
    measured = [line for line in lines if line["step"] == source.progress["step"]]
    score: dict[str, Any] | None = source.progress.get("score") or (measured[-1] if measured else None)
    return score


def _parity(folder: ModelFolder, net: ClassifierNetwork) -> float:
    classifier = load_classifier(folder.path)
    width, height = classifier.size
    images = np.random.default_rng(0).integers(0, 256, (BLOCK, height, width, 3), np.uint8)
    onnx_outputs = [classifier.label(images), classifier.features(images)]
    with torch.no_grad():
        logits, features = net(to_float(torch.from_numpy(images)))
    return check_parity("classifier", onnx_outputs, [logits.sigmoid().numpy(), features.numpy()])


def classifier_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Return the Markdown of a classifier with the card ``card``, trained by ``recipe``."""
    width, height = card["size"]
    introduction = (
        f"A classifier that predicts {len(card['attributes'])} attributes of {width}x{height} faces, made with "
        f"facesmith {card['facesmith']}."
    )
    example = [
        "import facesmith",
        "",
        f'classifier = facesmith.load_classifier("{card["name"]}")',
        "classifier.label(faces)  # N x attributes: probabilities, in the order of classifier.attributes",
        f"classifier.features(faces)  # N x {card['network']['feature_size']}: similar faces are close together",
    ]
    sections = {
        "Data and terms": [
            f"Trained on {card['learned_from']:,} images; {card['held_out']:,} more were held out to measure accuracy.",
            "",
            *data_section(card, "classifier"),
            "",
            "A prediction reflects the opinions of those who labelled the data. It is not a fact about a person.",
        ],
        "Accuracy": _accuracy(card),
        "Training": training_section(card, recipe),
        "Files": files_section("classifier", card),
    }
    return readme(card["name"], introduction, "python", example, sections)


def _accuracy(card: dict[str, Any]) -> list[str]:
    accuracy, rates, score = card["accuracy"], card["base_rates"], card["trained"]["score"]
    if accuracy is None:
        return ["This checkpoint was not scored during training."]
    baseline = sum(max(rate, 1 - rate) for rate in rates.values()) / len(rates)
    return [
        f"On {score['count']:,} held-out images, {score['accuracy']:.2%} of the labels are correct (mean over all "
        f"attributes). Always predicting the more frequent value gives {baseline:.2%}.",
        "",
        "| attribute | accuracy | base rate |",
        "|---|---|---|",
        *(f"| {name} | {value:.1%} | {rates[name]:.1%} |" for name, value in accuracy.items()),
    ]
