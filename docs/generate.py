"""Write the parts of the documentation that the code knows best: the recipe table and every command's help.

make docs          # tests/test_docs.py fails where they are out of date
"""

from pathlib import Path

import click

from facesmith.cli import COMMANDS, facesmith
from facesmith.tasks.recipes import KINDS, RECIPES
from facesmith.training.settings import Recipe, settings_of

HERE = Path(__file__).parent
HEAD = "<!-- Written by docs/generate.py: change the code, then `make docs`. -->\n\n"


def recipes() -> str:
    """docs/recipes-table.md: every setting of every recipe; in bold where it is not what the others start from."""
    lines = [
        "# Recipes",
        "",
        *(f"- `{name}`: {recipe.about}" for name, recipe in RECIPES.items()),
        "",
        "`facesmith train RECIPE DATASET RUN --set KEY=VALUE` changes any setting. Bold: not the setting's default.",
        "",
    ]
    for kind in KINDS.values():
        about = (kind.__doc__ or "").strip().rstrip(".")
        lines += ["", f"## {about}", "", *_table(kind)]
    return HEAD + "\n".join(lines) + "\n"


def _table(kind: type[Recipe]) -> list[str]:
    recipes = {name: recipe for name, recipe in RECIPES.items() if isinstance(recipe, kind)}
    lines = [
        f"| setting | what it is | {' | '.join(f'`{name}`' for name in recipes)} |",
        f"|---|---|{'---|' * len(recipes)}",
    ]
    for key, setting in settings_of(kind).items():
        values = [getattr(recipe, key) for recipe in recipes.values()]
        shown = [f"**{value}**" if value != setting.default else f"{value}" for value in values]
        lines.append(f"| `{key}` | {setting.metadata['about']} | {' | '.join(shown)} |")
    return lines


def commands() -> str:
    """docs/commands.md: the help of every command, as the terminal shows it."""
    parts = ["# Commands\n", _help("facesmith", facesmith, None)]
    root = click.Context(facesmith, info_name="facesmith")
    for name in COMMANDS:
        command = facesmith.get_command(root, name)
        assert command is not None
        parts.append(_help(f"facesmith {name}", command, root))
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name, parent=root)
            for sub in command.list_commands(context):
                child = command.get_command(context, sub)
                assert child is not None
                parts.append(_help(f"facesmith {name} {sub}", child, context))
    return HEAD + "\n".join(parts)


def _help(title: str, command: click.Command, parent: click.Context | None) -> str:
    context = click.Context(
        command, info_name=title.split()[-1], parent=parent, terminal_width=100, max_content_width=100
    )
    context.help_option_names = ["-h", "--help"]
    return f"## `{title}`\n\n```text\n{command.get_help(context)}\n```\n"


PAGES = {"recipes-table.md": recipes, "commands.md": commands}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (HERE / page).write_text(write(), encoding="utf-8")
