"""Pages of the documentation site that the code defines: the command line, settings, and HTTP routes.

MkDocs calls `on_files`.
"""

import inspect
from collections import Counter
from collections.abc import Iterable
from dataclasses import Field
from typing import Any

import click

from facesmith.cli import COMMANDS, facesmith
from facesmith.networks.registry import KINDS, families, family_settings
from facesmith.studio.app import create_app
from facesmith.studio.settings import API, Settings
from facesmith.tasks.recipes import RECIPES
from facesmith.tasks.registry import TASKS, recipe_type
from facesmith.training.settings import AdversarialRecipe, Recipe, settings_of

SHARED_BY = 4  # an option of this many commands is described once


def recipes() -> str:
    """Return a page with every setting, its default and the recipes that change it."""
    lines = [
        "# Recipes and settings",
        "",
        "A recipe is a network, a loss and their settings. `facesmith train RECIPE DATASET RUN --set KEY=VALUE`",
        "changes a setting, and `facesmith recipes NAME` prints the values of one recipe. A name in brackets, such as",
        "(bce), means that only this loss or network family uses the setting.",
        "",
        "| recipe | purpose |",
        "|---|---|",
        *(f"| `{name}` | {recipe.about} |" for name, recipe in RECIPES.items()),
        "",
        "## All recipes",
        "",
        *_table(Recipe, list(RECIPES.values())),
        "",
        "## Recipes with a discriminator",
        "",
        *_table(AdversarialRecipe, [recipe for recipe in RECIPES.values() if isinstance(recipe, AdversarialRecipe)]),
    ]
    for kind in map(recipe_type, TASKS):
        title = (kind.__doc__ or "").strip().partition(":")[0]
        lines += ["", f"## {title}", "", *_table(kind, [r for r in RECIPES.values() if isinstance(r, kind)])]
    for kind in KINDS:
        for family in families(kind):
            members = [recipe for recipe in RECIPES.values() if getattr(recipe, "family", None) == family]
            names = ", ".join(f"`{recipe.name}`" for recipe in members)
            lines += ["", f"## Network family {family}", "", f"Used by {names}.", ""]
            lines += _rows(family_settings(family, kind), members)
    return "\n".join(lines) + "\n"


def _table(kind: type[Recipe], recipes: list[Recipe]) -> list[str]:
    """Return the table of the settings that ``kind`` itself declares."""
    own = inspect.get_annotations(kind)
    return _rows({key: setting for key, setting in settings_of(kind).items() if key in own}, recipes)


def _rows(settings: dict[str, Field[Any]], recipes: Iterable[Recipe]) -> list[str]:
    lines = ["| setting | meaning | default | other values |", "|---|---|---|---|"]
    for key, setting in settings.items():
        others: dict[str, list[str]] = {}
        for recipe in recipes:
            if (value := recipe.as_dict()[key]) != setting.default:
                others.setdefault(str(value), []).append(f"`{recipe.name}`")
        changed = "; ".join(f"{value}: {', '.join(names)}" for value, names in others.items())
        default = "" if setting.default in ("", None) else setting.default
        lines.append(f"| `{key}` | {setting.metadata['about']} | {default} | {changed} |")
    return lines if settings else ["This family has no settings."]


def commands() -> str:
    """Return a page with usage, description, examples and options of every command."""
    all_commands = _all_commands()
    records = {title: _options(command, context) for title, (command, context) in all_commands.items()}
    used = Counter(record for options in records.values() for record in options)
    shared = {record for record, count in used.items() if count >= SHARED_BY}
    lines = [
        "# Command line",
        "",
        "`facesmith COMMAND --help` prints the help of one command, and `facesmith --version` prints the version. The",
        "exit code is 0 on success, 2 for an error that the user can correct, and 130 after Ctrl-C. `facesmith",
        "completion` prints the script for tab completion.",
        "",
        "## Shared options",
        "",
        "These options have the same meaning in every command that lists them.",
        "",
        *_bullets(record for record in used if record in shared),
    ]
    for title, (command, context) in all_commands.items():
        lines += ["", f"## {title}", "", f"`{' '.join([title, *command.collect_usage_pieces(context)])}`", ""]
        lines += _description(command)
        if own := [record for record in records[title] if record not in shared]:
            lines += ["", *_bullets(own)]
        if names := [_name(record) for record in records[title] if record in shared]:
            lines += ["", f"Shared: {', '.join(f'`{name}`' for name in names)}."]
    return "\n".join(lines) + "\n"


def _all_commands() -> dict[str, tuple[click.Command, click.Context]]:
    """Return every command that is not hidden by its full name, groups left out, their commands in."""
    root = click.Context(facesmith, info_name="facesmith", terminal_width=1000, max_content_width=1000)
    result: dict[str, tuple[click.Command, click.Context]] = {}
    for name in COMMANDS:
        command = facesmith.get_command(root, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=root)
        if isinstance(command, click.Group):
            for child_name in command.list_commands(context):
                child = command.get_command(context, child_name)
                assert child is not None
                result[f"facesmith {name} {child_name}"] = child, click.Context(child, info_name=child_name)
        elif not command.hidden:
            result[f"facesmith {name}"] = command, context
    return result


def _options(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    """Return (names, help) of every option that is not hidden, --help left out."""
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    return [record for record in records if record is not None]


def _name(record: tuple[str, str]) -> str:
    return record[0].split()[0].rstrip(",")


def _bullets(records: Iterable[tuple[str, str]]) -> list[str]:
    return [f"- `{names}`: {' '.join(text.split())}" for names, text in records]


def _description(command: click.Command) -> list[str]:
    """Return the command's help as Markdown: paragraphs, and a code block for every `\\b` paragraph."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b"):
            lines += ["```bash", *paragraph.split("\n")[1:], "```", ""]
        else:
            lines += [*paragraph.split("\n"), ""]
    return lines[:-1]


def routes() -> str:
    """Return a page with every route of the studio's API, its description and its query parameters."""
    document = create_app(Settings(paths=("drawn64",))).openapi()
    lines = ["# HTTP routes", "", "All routes start with `/api/v1`. [HTTP API](http-api.md) has examples and limits."]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += ["", f"## {method.upper()} {path.removeprefix(API)}", "", f"{operation['summary']}."]
            lines += ["", operation["description"]] if "description" in operation else []
            parameters = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
            lines += [""] if parameters else []
            for parameter in parameters:
                about = parameter.get("description") or parameter["schema"].get("description")
                lines.append(f"- `{parameter['name']}`" + (f": {about}" if about else ""))
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": commands, "recipes-table.md": recipes, "http-routes.md": routes}


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages. Called by MkDocs."""
    from mkdocs.structure.files import File

    for name, write in PAGES.items():
        files.append(File.generated(config, name, content=write()))
    return files
