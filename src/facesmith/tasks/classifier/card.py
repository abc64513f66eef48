"""The README.md of a judge's folder: what it names, how often it is right, what it may be used for."""

from typing import Any

from facesmith.tasks.gan.card import data_lines, settings_lines, training_words
from facesmith.training.settings import Recipe


def judge_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Markdown for a judge whose judge.json is ``card``, trained by ``recipe``."""
    width, height = card["size"]
    lines = [
        f"# {card['name']}",
        "",
        f"Says which of {len(card['attributes'])} attributes a face of {width}x{height} has; made with facesmith "
        f"{card['facesmith']}.",
        "",
        "```python",
        "import facesmith",
        "",
        f'judge = facesmith.load_classifier("{card["name"]}")',
        "judge.label(faces)  # N x attributes: probabilities, in the order of judge.attributes",
        f"judge.features(faces)  # N x {card['network']['feature_size']}: faces that look alike lie near each other",
        "```",
        "",
        "## Data and terms",
        "",
        f"Learned from {card['learned_from']:,} pictures; {card['held_out']:,} more were held out to measure it on.",
        "",
        *data_lines(card["dataset"], "judge"),
        "What a judge says is what its labels' makers would have said of a picture, not what a person is.",
        "",
        "## Accuracy",
        "",
        *_accuracy(card),
        "## Training",
        "",
        training_words(card, recipe),
        "",
        *settings_lines(recipe),
        "## Files",
        "",
        f"`judge.json` (this card for programs), `judge.safetensors` (weights, SHA-256 `{card['digest']}`), "
        f"`judge.onnx` (the same for ONNX Runtime; differs by at most {card['onnx_parity']:.1e}). Nothing here is a "
        "pickle: loading it runs no code of its own.",
        "",
    ]
    return "\n".join(lines)


def _accuracy(card: dict[str, Any]) -> list[str]:
    accuracy, rates = card["accuracy"], card["base_rates"]
    if accuracy is None:
        return ["This checkpoint was not scored while it trained.", ""]
    score = card["trained"]["score"]
    guessing = sum(max(rate, 1 - rate) for rate in rates.values()) / len(rates)
    return [
        f"On {score['count']:,} held-out pictures it is right about {score['accuracy']:.2%} of the labels, the mean "
        f"over all attributes. Who always gave the commoner answer would be right about {guessing:.2%}.",
        "",
        "| attribute | right | have it |",
        "|---|---|---|",
        *(f"| {name} | {right:.1%} | {rates[name]:.1%} |" for name, right in accuracy.items()),
        "",
    ]
