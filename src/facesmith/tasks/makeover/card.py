"""The README.md of a makeover's folder: what it makes of whom, what it was made of, what it may be used for."""

from typing import Any

from facesmith.tasks.gan.card import data_lines, settings_lines, training_words
from facesmith.training.settings import Recipe


def makeover_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Markdown for a makeover whose makeover.json is ``card``, trained by ``recipe``."""
    trained, (width, height), first = card["trained"], card["size"], card["directions"][0]["name"]
    lines = [
        f"# {card['name']}",
        "",
        f"Turns one kind of face of {width}x{height} into another; made with facesmith {card['facesmith']}.",
        "",
        "```bash",
        f"facesmith makeover {card['name']} photo.jpg --direction {first} --out made",
        "```",
        "",
        "```python",
        "import facesmith",
        "",
        f'makeover = facesmith.load_makeover("{card["name"]}")',
        f'makeover.apply(faces, "{first}", strength=1.0)  # uint8, N x {height} x {width} x 3',
        "```",
        "",
        "## Directions",
        "",
        "| direction | from | to | learned from | held out |",
        "|---|---|---|---|---|",
        *(_direction(*pair) for pair in zip(card["directions"], card["counts"], strict=True)),
        "",
        "## Data and terms",
        "",
        *data_lines(card["dataset"], "makeover"),
        "What a side has in common is what its labels' makers saw in photos. What comes out is a picture of nobody: "
        "not how someone would look, and nothing to deceive with.",
        "",
        "## Training",
        "",
        training_words(card, recipe),
        "",
        *_score(trained["score"]),
        *settings_lines(recipe),
        "## Files",
        "",
        f"`makeover.json` (this card for programs), `makeover.safetensors` (weights, SHA-256 `{card['digest']}`), "
        f"`makeover.onnx` (the same for ONNX Runtime; differs by at most {card['onnx_parity']:.1e} on pictures in "
        "[-1, 1]). Nothing here is a pickle: loading it runs no code of its own.",
        "",
    ]
    return "\n".join(lines)


def _direction(direction: dict[str, str], counts: dict[str, int]) -> str:
    source, target = (direction[side].replace("|", "\\|") for side in ("source", "target"))
    return (
        f"| {direction['name']} | `{source}` | `{target}` | {counts['source']:,}, {counts['target']:,} | "
        f"{counts['held_out_source']:,}, {counts['held_out_target']:,} |"
    )


def _score(score: dict[str, float] | None) -> list[str]:
    if score is None:
        return []
    judged = ""
    if "target" in score:
        judged = f"; {score['target']:.1%} are called what they were to become by the judge it learned from"
    return [
        f"While it was trained, on held-out faces: KID to target faces {1000 * score['kid']:.1f} x 10⁻³, the mean "
        f"change of a pixel {score['moved']:.1%} of the way from black to white{judged}.",
        "",
    ]
