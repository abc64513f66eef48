"""Write the parts of the documentation that the code knows best: the recipe table and every command's help.

make docs          # tests/test_docs.py fails where they are out of date
"""

from pathlib import Path

import click

from facesmith.cli import COMMANDS, facesmith
from facesmith.training.recipes import RECIPES, SETTINGS

HERE = Path(__file__).parent
HEAD = "<!-- Written by docs/generate.py: change the code, then `make docs`. -->\n\n"


def recipes() -> str:
    """docs/recipes-table.md: every setting of every recipe; in bold where it is not what the others start from."""
    names = list(RECIPES)
    lines = [
        "# Recipes",
        "",
        *(f"- `{name}`: {recipe.about}" for name, recipe in RECIPES.items()),
        "",
        "`facesmith train RECIPE DATASET RUN --set KEY=VALUE` changes any setting. Bold: not the setting's default.",
        "",
        f"| setting | what it is | {' | '.join(f'`{name}`' for name in names)} |",
        f"|---|---|{'---|' * len(names)}",
    ]
    for key, setting in SETTINGS.items():
        values = [getattr(RECIPES[name], key) for name in names]
        shown = [f"**{value}**" if value != setting.default else f"{value}" for value in values]
        lines.append(f"| `{key}` | {setting.metadata['about']} | {' | '.join(shown)} |")
    return HEAD + "\n".join(lines) + "\n"


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
