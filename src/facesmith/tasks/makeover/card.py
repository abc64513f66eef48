"""The README.md of a makeover's folder."""

from typing import Any

from facesmith.models.readme import data_section, files_section, readme, training_section
from facesmith.training.settings import Recipe


def makeover_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Return the Markdown of a makeover with the card ``card``, trained by ``recipe``."""
    (width, height), first = card["size"], card["directions"][0]["name"]
    introduction = (
        f"Changes one kind of face of {width}x{height} into another; made with facesmith {card['facesmith']}.\n\n"
        f"```bash\nfacesmith makeover {card['name']} photo.jpg --direction {first} --out made\n```"
    )
    example = [
        "import facesmith",
        "",
        f'makeover = facesmith.load_makeover("{card["name"]}")',
        f'makeover.apply(faces, "{first}", strength=1.0)  # uint8, N x {height} x {width} x 3',
    ]
    sections = {
        "Directions": [
            "| direction | from | to | learned from | held out |",
            "|---|---|---|---|---|",
            *(_direction(*pair) for pair in zip(card["directions"], card["counts"], strict=True)),
        ],
        "Data and terms": [
            *data_section(card["dataset"], "makeover"),
            "",
            "A result shows what faces with these labels have in common. It is not a picture of a person, and must not "
            "be used to deceive.",
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
    target = f", {score['target']:.1%} have the target's attributes by the classifier" if "target" in score else ""
    return (
        f" On held-out faces during training: KID to target faces {1000 * score['kid']:.1f} x 10⁻³, mean change of a "
        f"pixel {score['moved']:.1%} of the range{target}."
    )
