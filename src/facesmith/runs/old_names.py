"""Names that older versions of facesmith wrote into run folders, and their current names.

Nothing here imports torch.
"""

import re
from typing import Any

# recipe.toml
SETTINGS = {
    "turns": "d_schedule",
    "judge": "classifier",
    "half_life_kimg": "schedule_half_life_kimg",
    "kind": "family",  # of a makeover
}
TASKS = {"game": "gan", "judge": "classifier"}
RECIPES = {"judge": "classifier"}
FAMILIES = {"makeover": "deep_makeover"}
# Version 0.1 wrote the settings of all network families into every recipe. Those of other families have no meaning.
FAMILY_SETTINGS = {
    "generator_width", "discriminator_width", "kernel", "bias", "generator_norm", "discriminator_norm", "blocks",
    "discriminator_blocks", "finest", "mapping", "width",
}  # fmt: skip
# run.json, its health events, metrics.jsonl and the metadata of a checkpoint
CARD = {"verdict": "health", "watch": "health_events"}
EVENT = {"verdict": "health", "gentleness": "lr_scale"}
LINE = {"watch": "health", "loss_J": "loss_C", "grad_J": "grad_C"}
PROGRESS = {
    "shown": "images_seen",
    "sums": "metric_sums",
    "turns": "d_steps",
    "accuracy": "d_accuracy",
    "returned_to": "rollback_step",
    "gentleness": "lr_scale",
}
HEALTH = {"samples are becoming alike": "mode collapse"}


def current_table(table: dict[str, Any]) -> dict[str, Any]:
    """Return the [recipe] table of a recipe.toml of any version: flat, with current names, and always with a task."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= value if isinstance(value, dict) else {key: value}
    values = renamed(flat, SETTINGS)
    values.setdefault("task", "gan")  # version 0.1 wrote the task of every recipe but those of GANs
    for key, names in (("task", TASKS), ("name", RECIPES), ("family", FAMILIES)):
        if key in values:
            name = str(values[key])  # an edited file may hold a list
            values[key] = names.get(name, name)
    return values


def current_card(card: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a run.json of any version with current names."""
    card = renamed(card, CARD)
    if isinstance(events := card.get("health_events"), list):
        card["health_events"] = [renamed(event, EVENT) if isinstance(event, dict) else event for event in events]
    return card


def current_line(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of metrics.jsonl of any version with current names."""
    return renamed(line, LINE) if LINE.keys() & line.keys() else line


def current_progress(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a checkpoint of any version with current names."""
    progress = renamed(metadata, PROGRESS)
    return progress | {"metric_sums": renamed(progress.get("metric_sums", {}), LINE)}


def current_tensor_name(name: str) -> str:
    """Return the current name of a tensor of a network or its optimizer in a checkpoint.

    Version 0.1 called the last layer of a discriminator "judge", and the attribute classifier "J".
    """
    return re.sub(r"^(adam_)?J\.", r"\1C.", re.sub(r"(^|\.)judge\.", r"\1head.", name))


def renamed(table: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return ``table`` with current names of its keys and of its health."""
    table = {names.get(key, key): value for key, value in table.items()}
    health = table.get("health")
    return table | {"health": HEALTH[health]} if isinstance(health, str) and health in HEALTH else table
