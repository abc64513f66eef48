"""Completion in the shell: recipes, settings, models, attributes, and folders of a kind."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import facesmith

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def recipe_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _items({name: recipe.about for name, recipe in facesmith.RECIPES.items()}.items(), incomplete)


def setting_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the settings of the recipe on the command line, up to the equals sign."""
    try:
        settings = facesmith.recipe_settings(ctx.params.get("recipe") or "tiny")
    except facesmith.FacesmithError:
        return []
    return _items(((f"{setting.name}=", setting.about) for setting in settings), incomplete)


def folders_of(*kinds: str) -> Completion:
    """Return the completion of folders of these kinds, and of the folders that lead to them."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        head, _, start = incomplete.rpartition("/")
        parent = Path(head or ("/" if incomplete.startswith("/") else ".")).expanduser()
        items = []
        for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
            if folder.is_dir() and folder.name.startswith(start) and (start or not folder.name.startswith(".")):
                name = f"{incomplete[: len(incomplete) - len(start)]}{folder.name}"
                kind = facesmith.artefact_kind(folder)
                if kind in kinds:
                    items.append(CompletionItem(name, help=kind))
                elif kind is None:
                    items.append(CompletionItem(f"{name}/"))
        return items

    return complete


def models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the included models and the folders of models."""
    return _items(facesmith.included_models().items(), incomplete) + folders_of("generator")(ctx, param, incomplete)


def makeovers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the included makeovers and the folders of makeovers."""
    return _items(facesmith.included_makeovers().items(), incomplete) + folders_of("makeover")(ctx, param, incomplete)


def classifiers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the included attribute classifiers and the folders of others."""
    return _items(facesmith.included_classifiers().items(), incomplete) + folders_of("classifier")(
        ctx, param, incomplete
    )


def attributes(end: str = "") -> Completion:
    """Return the completion of the last attribute in a list, of the model or the dataset on the command line."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, word = re.fullmatch(r"(.*?)(\w*)", incomplete, re.DOTALL).groups()  # type: ignore[union-attr]
        try:
            names = _attribute_names(ctx)
        except facesmith.FacesmithError:
            return []
        return [CompletionItem(f"{before}{name}{end}") for name in names if name.startswith(word)]

    return complete


def _attribute_names(ctx: click.Context) -> list[str]:
    if ctx.params.get("dataset") and ctx.command.name == "train":
        return facesmith.open_dataset(ctx.params["dataset"]).attributes
    return facesmith.load(ctx.params.get("model") or facesmith.DEFAULT_MODEL, quiet=True).directions.names


def _items(choices: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=text) for name, text in choices if name.startswith(incomplete)]
