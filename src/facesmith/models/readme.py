"""The sections that the README.md of every model folder has."""

from typing import Any

from facesmith.images.provenance import EDITED
from facesmith.models.folder import CARD_FORMATS
from facesmith.terms import terms_of
from facesmith.training.settings import Recipe, settings_of

_DATA_TERMS = {
    "celeba": (
        "Trained on CelebA, whose images may be used for **non-commercial research only**. The same applies to "
        "this {what}. CelebA shows public figures, mostly young, light-skinned and posing. This {what} has the "
        "same bias and does not represent people in general."
    ),
    "builtin": "Trained on drawn faces that facesmith generates. No photo of a person was used.",
    "folder": "Trained on the owner's own images. Ask the owner of this {what} for its terms.",
    "hub": "Trained on a dataset from the Hugging Face hub. Its page states the terms.",
}


def readme(title: str, introduction: str, language: str, example: list[str], sections: dict[str, list[str]]) -> str:
    """Return a README.md: a title, an introduction, an example, and sections of lines by heading."""
    lines = [f"# {title}", "", introduction, "", f"```{language}", *example, "```", ""]
    for heading, content in sections.items():
        lines += [f"## {heading}", "", *content, ""]
    return "\n".join(lines)


def data_section(card: dict[str, Any], what: str) -> list[str]:
    """Describe the images that ``what``, whose card this is, was trained on, and its terms."""
    data = card["dataset"]
    source = data["source"]
    where = f", only those with {data['where']}" if data.get("where") else ""
    made_with = data.get("made_with") or []
    is_synthetic = sum(entry["count"] for entry in made_with) == data["count"]
    about = "Trained on images that other models generated." if is_synthetic else _DATA_TERMS[source["kind"]]
    lines = [
        f"{data['count']:,} images of `{source['name']}` (crop {data['crop']}, {data['resize']} resize{where}). "
        + about.format(what=what)
    ]
    for entry in made_with:
        verb = "edited" if entry["source_type"] == EDITED else "generated"
        lines += [
            "",
            f"The model `{entry['model']}` (SHA-256 `{entry['digest'][:16]}`) {verb} {entry['count']:,} of these "
            f"images. Its terms: **{entry['terms']}**.",
        ]
    lines += ["", f"Terms of this {what}: **{terms_of(card)}**."]
    return [*lines, "", source["credit"]] if source.get("credit") else lines


def training_section(card: dict[str, Any], recipe: Recipe, remarks: str = "") -> list[str]:
    """Describe the training, the size of the network and every setting of the recipe, without paths on the disk."""
    trained, machine = card["trained"], card["trained"]["machine"]
    values = recipe.as_dict()
    settings = [key for key, f in settings_of(recipe).items() if f.metadata["group"] != "pretrained"]
    return [
        f"Recipe `{recipe.name}` ({recipe.about}), {trained['kimg']:g} thousand images in "
        f"{trained['seconds'] / 60:.1f} minutes on {machine['cpu']}, {machine['device']}. {card['parameters']:,} "
        f"parameters, stored as {card['weights']}.{remarks}",
        "",
        f"`facesmith recipes {recipe.name}` explains the settings:",
        "",
        ", ".join(f"`{key}={values[key]}`" for key in settings) + ".",
    ]


def files_section(kind: str, card: dict[str, Any]) -> list[str]:
    """Describe the files of a model folder of a kind."""
    files = next(card_format for card_format in CARD_FORMATS if card_format.kind == kind)
    return [
        f"`{files.file}` (this card in machine-readable form), `{files.network}.safetensors` (weights, SHA-256 "
        f"`{card['digest']}`), `{files.network}.onnx` (the same network for ONNX Runtime; outputs differ by at most "
        f"{card['onnx_parity']:.1e}). No file is a pickle: loading them executes no code."
    ]


def replace_section(text: str, heading: str, content: list[str]) -> str:
    """Return a README.md with the content of a section replaced, or with a new section at the end."""
    section = "\n".join([f"## {heading}", "", *content, ""])
    before, found, after = text.partition(f"## {heading}\n")
    if not found:
        return f"{text.rstrip()}\n\n{section}"
    _, next_heading, rest = after.partition("\n## ")
    return f"{before}{section}{next_heading}{rest}"
