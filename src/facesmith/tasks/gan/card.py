"""The README.md of a generator's folder."""

from typing import Any

from facesmith.metrics.scores import scores_section
from facesmith.models.readme import data_section, files_section, readme, training_section
from facesmith.training.settings import Recipe


def model_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Return the Markdown of a model with the card ``card``, trained by ``recipe``."""
    (width, height), trained = card["network"]["size"], card["trained"]
    remarks = f" Best KID during training: {1000 * trained['score']['kid']:.1f} x 10⁻³." if trained["score"] else ""
    if trained.get("hold_out"):
        remarks += " The images that encoders, classifiers and edits are measured on were held out."
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
        "Data and terms": data_section(card["dataset"], "model"),
        "Training": training_section(card, recipe, remarks),
        "Scores": [scores_section(card.get("scores", [])).rstrip()],
        "Files": files_section("generator", card),
    }
    return readme(card["name"], introduction, "python", example, sections)
