"""The tally of a set of labelled faces, and its README.md with the metadata of a dataset card."""

from typing import Any

from facesmith.data.labels.columns import PROBABILITY
from facesmith.data.layouts.layout import Tally
from facesmith.data.layouts.picture import Picture
from facesmith.data.layouts.readme import LOADING, yaml_head


def count_picture(picture: Picture, tally: Tally) -> None:
    """Add the labels of an image to the tally: how many have each attribute, were requested to, and agree."""
    row = picture.row
    tally["pictures"] = tally.get("pictures", 0) + 1
    for name, value in row.items():
        if isinstance(value, bool):
            tally[f"with {name}"] = tally.get(f"with {name}", 0) + value
    for text in row.get("with", ()):
        name = text.removeprefix("~")
        is_asked = not text.startswith("~")
        tally[f"asked {name}"] = tally.get(f"asked {name}", 0) + is_asked
        if f"{name}{PROBABILITY}" in row:
            tally[f"measured {name}"] = tally.get(f"measured {name}", 0) + row[name]
            tally[f"agree {name}"] = tally.get(f"agree {name}", 0) + (row[name] == is_asked)


def set_summary(card: dict[str, Any]) -> list[str]:
    """Return lines on the requested and the measured shares, for the card of a complete set."""
    tally, labels = card["tally"], card["labels"]
    total = tally["pictures"]
    asked, selected, lines = _asked(card), card["selected"], []
    for name in asked:
        line = f"{name}: requested for {tally[f'asked {name}'] / total:.1%} of the faces"
        if labels is not None and f"measured {name}" in tally:
            line += f", found in {tally[f'measured {name}'] / total:.1%} by the {_labeller(labels)}"
            if card["selected_by"] != labels["by"] or name not in selected:
                line += f", with agreement on {tally[f'agree {name}'] / total:.1%}"
        lines.append(line)
    if selected:
        by = "classifier" if card["selected_by"] == "classifier" else "directions of the model"
        lines.append(f"faces were selected for {', '.join(selected)} by the {by}")
    if asked and (labels is None or labels["by"] != "classifier" or (selected and card["selected_by"] == "classifier")):
        lines.append("no independent classifier has checked these labels: pass one with --classifier")
    return lines


def _asked(card: dict[str, Any]) -> list[str]:
    return [name.removeprefix("asked ") for name in card["tally"] if name.startswith("asked ")]


def _labeller(labels: dict[str, Any]) -> str:
    return f"classifier {labels['name']}" if labels["by"] == "classifier" else "directions of the model"


def _regeneration(card: dict[str, Any]) -> str:
    """Return code that generates the face of a ``row``."""
    arguments = 'row["seed"], start=row["latent_index"], truncation=row["truncation"]'
    lines = ["import facesmith", "", f'model = facesmith.load("{card["model"]}")']
    if card["inputs"]:
        lines.append('attributes = [text for text in row["with"] if text.strip("~") in model.conditions]')
        arguments += ", attributes=attributes"
    return "\n".join([*lines, f"face = model.sample(1, {arguments})[0]"])


def set_readme(card: dict[str, Any]) -> str:
    """Return README.md of a set: what it shows, how it was labelled, its terms, and how to load it."""
    tally, labels = card["tally"], card["labels"]
    total, (width, height) = tally["pictures"], card["size"]
    names = sorted(name.removeprefix("with ") for name in tally if name.startswith("with "))
    how = "The faces have no labels."
    if labels is not None:
        how = (
            f"The labels were predicted by the {_labeller(labels)}. Each attribute has one column for the label and "
            "one for its probability. The labels are estimates, not facts."
        )
    if asked := _asked(card):
        how += " The column `with` lists the requested attributes, which a face does not always have."
    if unmeasured := [name for name in asked if name not in card["measured"]]:
        how += f" The labels of {', '.join(unmeasured)} are the requested values, which were not measured."
    lines = [
        yaml_head(card["terms"], total, ["synthetic", "faces", "facesmith"]),
        f"# {total:,} synthetic faces of {width}x{height}",
        "",
        f"Generated with facesmith by the model `{card['model']}` (SHA-256 `{card['digest']}`), seed {card['seed']}, "
        f"faces {card['first']:,} to {card['first'] + card['count'] - 1:,}. They do not show real people.",
        "",
        how,
        "",
        f"Terms: **{card['terms']}**.",
        *([f"\n{card['credit']}"] if card.get("credit") else []),
        "",
        f"```python\n{LOADING[card['layout'].partition(':')[0]]}\n```",
        "",
        "To generate the face of a row again:",
        "",
        f"```python\n{_regeneration(card)}\n```",
        "",
    ]
    if summary := set_summary(card):
        lines += ["## Requests", "", *(f"- {line}" for line in summary), ""]
    if names:
        lines += ["## Labels", "", "| attribute | share |", "|---|---|"]
        lines += [f"| {name} | {tally[f'with {name}'] / total:.1%} |" for name in names]
    return "\n".join(lines).rstrip() + "\n"
