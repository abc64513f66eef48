"""The README.md of a model folder: what it is, what it was made of, what it may be used for."""

from typing import Any

from facesmith.metrics.scores import scores_section
from facesmith.training.settings import Recipe, settings_of

_HELD_OUT = " It never saw the pictures that encoders, judges and edits are measured on."
_TERMS = {
    "celeba": (
        "Trained on CelebA, whose pictures may be used for **non-commercial research only**; the same holds for this "
        "{what}. CelebA shows public figures, mostly young, light-skinned and posing; what was learned from them has "
        "the same leanings and must not be taken as a picture of people at large."
    ),
    "builtin": "Trained on drawn faces that facesmith makes itself. No photo of a person was used.",
    "folder": "Trained on the owner's own pictures: whoever made this {what} knows under which terms.",
    "hub": "Trained on a dataset from the Hugging Face hub: its page says under which terms.",
}


def model_card(card: dict[str, Any], recipe: Recipe) -> str:
    """Markdown for a model whose model.json is ``card``, trained by ``recipe``."""
    data, trained, network = card["dataset"], card["trained"], card["network"]
    width, height = network["size"]
    held_out = _HELD_OUT if trained.get("hold_out") else ""
    lines = [
        f"# {card['name']}",
        "",
        f"A generator of {width}x{height} faces, made with facesmith {card['facesmith']}.",
        "",
        "![Faces 0 to 63 of seed 0, as they come](samples.png)",
        "",
        "```python",
        "import facesmith",
        "",
        f'model = facesmith.load("{card["name"]}")',
        "faces = model.sample(16, seed=1)  # 16 x H x W x 3, uint8",
        "```",
        "",
        "## Data and terms",
        "",
        *data_lines(data, "model"),
        "## Training",
        "",
        f"{training_words(card, recipe)}{_chosen(trained)}{held_out}",
        "",
        *settings_lines(recipe),
        "## Scores",
        "",
        scores_section(card.get("scores", [])),
        "## Files",
        "",
        f"`model.json` (this card for programs), `generator.safetensors` (weights, SHA-256 `{card['digest']}`), "
        f"`generator.onnx` (the same for ONNX Runtime; differs by at most {card['onnx_parity']:.1e} on pictures in "
        "[-1, 1]). Nothing here is a pickle: loading it runs no code of its own.",
        "",
    ]
    return "\n".join(lines)


def with_encoder(readme: str, encoder: dict[str, Any], recipe: Recipe) -> str:
    """A model's README.md with a section at its end on the encoder that was fitted to it."""
    trained, score = encoder["trained"], encoder["trained"]["score"]
    reached = (
        f" Of {score['count']:,} held-out pictures the reconstructions have a PSNR of {score['psnr']:.2f} dB."
        if score
        else ""
    )
    lines = [
        "## Encoder",
        "",
        "```python",
        "z = model.encode(faces)  # N x latent_size; model.generate(z) draws them again",
        "```",
        "",
        f"Fitted to the generator above, which stayed as it is. Recipe `{recipe.name}`, {trained['kimg']:g} thousand "
        f"pictures shown in {trained['seconds'] / 60:.1f} minutes on {trained['machine']['cpu']}, "
        f"{trained['machine']['device']}. {encoder['parameters']:,} parameters, kept as {encoder['weights']}: "
        f"`encoder.safetensors` (SHA-256 `{encoder['digest']}`) and `encoder.onnx`, which differs by at most "
        f"{encoder['onnx_parity']:.1e}.{reached}",
        "",
        f"It has learned from {encoder['learned_from']:,} of the pictures below; {encoder['held_out']:,} were held "
        "out.",
        "",
        *data_lines(encoder["dataset"], "encoder"),
        *settings_lines(recipe),
    ]
    before, _, _ = readme.partition("## Encoder\n")  # of an encoder that this one takes the place of
    return f"{before.rstrip()}\n\n" + "\n".join(lines)


def training_words(card: dict[str, Any], recipe: Recipe) -> str:
    """By which recipe, for how long and on what it was trained, and how large it is."""
    trained = card["trained"]
    return (
        f"Recipe `{recipe.name}` ({recipe.about}), {trained['kimg']:g} thousand pictures shown in "
        f"{trained['seconds'] / 60:.1f} minutes on {trained['machine']['cpu']}, {trained['machine']['device']}. "
        f"{card['parameters']:,} parameters, kept as {card['weights']}."
    )


def data_lines(data: dict[str, Any], what: str) -> list[str]:
    """Of which pictures ``what`` was made, and what follows for its use."""
    source = data["source"]
    crop = f"crop {data['crop']}, {data['resize']} resize"
    terms = _TERMS[source["kind"]].format(what=what)
    return [
        f"{data['count']:,} pictures of `{source['name']}` ({crop}{_filtered(data)}). {terms}",
        *([f"\n{source['credit']}"] if source.get("credit") else []),
        "",
    ]


def settings_lines(recipe: Recipe) -> list[str]:
    """A table of the recipe's settings, without the places on its maker's disk."""
    settings = {key: f.metadata for key, f in settings_of(recipe).items() if f.metadata["group"] != "pretrained"}
    values = recipe.values()
    return [
        "| setting | value | what it is |",
        "|---|---|---|",
        *(f"| `{key}` | {values[key]} | {about['about']} |" for key, about in settings.items()),
        "",
    ]


def _chosen(trained: dict[str, Any]) -> str:
    """What the checkpoint scored while it trained, if it was scored."""
    score = trained["score"]
    return f" By KID the best of its training (there {1000 * score['kid']:.1f} x 10⁻³)." if score else ""


def _filtered(data: dict[str, Any]) -> str:
    return f", only those with {data['where']}" if data.get("where") else ""
