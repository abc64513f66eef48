"""The option --plugin, of the program and of the commands that need plugins most."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

import facesmith


def plugin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option --plugin to a command, which loads the plugins before it runs."""

    @click.option(
        "--plugin",
        "plugins",
        metavar="FILE",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Load network families and recipes from this Python file, which is executed; repeatable.",
    )
    @wraps(command)
    def with_plugins(*args: Any, plugins: tuple[Path, ...], **options: Any) -> Any:
        for file in plugins:
            facesmith.load_plugin(file)
        return command(*args, **options)

    return with_plugins
