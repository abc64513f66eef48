"""Names that older versions of facesmith wrote in recipe.toml, and what they are called now.

Nothing here imports torch.
"""

from typing import Any

SETTINGS = {"turns": "d_schedule", "judge": "classifier", "half_life_kimg": "schedule_half_life_kimg"}
TASKS = {"game": "gan", "judge": "classifier"}
RECIPES = {"judge": "classifier"}


def current_table(table: dict[str, Any]) -> dict[str, Any]:
    """Return the [recipe] table of a recipe.toml of any version with today's names; "task" is always in it."""
    values = {SETTINGS.get(key, key): value for key, value in table.items()}
    task = values.get("task", "gan")  # version 0.1 wrote the task of every recipe but those of GANs
    renamed = {"task": TASKS.get(task, task)}
    if "name" in values:
        renamed["name"] = RECIPES.get(values["name"], values["name"])
    return values | renamed
