"""The README.md of an attribute classifier's folder."""

from typing import Any

from facesmith.models.readme import data_section, files_section, readme, training_section
from facesmith.training.settings import Recipe


def classifier_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Return the Markdown of a classifier with the card ``card``, trained by ``recipe``."""
    width, height = card["size"]
    introduction = (
        f"Predicts {len(card['attributes'])} attributes of faces of {width}x{height}; made with facesmith "
        f"{card['facesmith']}."
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
            f"Learned from {card['learned_from']:,} images; {card['held_out']:,} more were held out for the accuracy.",
            "",
            *data_section(card["dataset"], "classifier"),
            "",
            "A prediction is what the labels' authors would have said of an image, not a fact about a person.",
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
        f"On {score['count']:,} held-out images, {score['accuracy']:.2%} of the labels are correct, the mean over all "
        f"attributes. Always predicting the more frequent answer gives {baseline:.2%}.",
        "",
        "| attribute | accuracy | base rate |",
        "|---|---|---|",
        *(f"| {name} | {value:.1%} | {rates[name]:.1%} |" for name, value in accuracy.items()),
    ]
