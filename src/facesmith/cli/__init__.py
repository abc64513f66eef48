"""The command line. A command parses its options, calls one function of the public API, and prints the result."""

import errno
import io
import math
import os
import signal
import sys
from typing import Any

import click

from facesmith import FacesmithError, __version__
from facesmith.cli.plugins import plugin_option

USER_ERROR, INTERRUPTED = 2, 130
MAX_INTEGER = 2**63 - 1
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# Command: module of this package. Only the module of the command that runs is imported.
COMMANDS = {
    "demo": "demo",
    "data": "data",
    "train": "train",
    "report": "train",
    "compare": "compare",
    "export": "models",
    "push": "models",
    "evaluate": "evaluate",
    "generate": "models",
    "models": "models",
    "faces": "faces",
    "encode": "edit",
    "reconstruct": "edit",
    "directions": "edit",
    "edit": "edit",
    "describe": "edit",
    "analogy": "paths",
    "interpolate": "paths",
    "sweep": "paths",
    "style-mix": "paths",
    "neighbours": "paths",
    "makeover": "makeover",
    "identify": "identify",
    "sign": "sign",
    "map": "map",
    "studio": "studio",
    "recipes": "machine",
    "doctor": "machine",
    "completion": "machine",
}


# Options of version 0.1. They still work and print a notice.
OLD_OPTIONS = {"--judge": "--classifier", "--turns": "--d-schedule"}


class _LazyGroup(click.Group):
    """A group that imports a command when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from importlib import import_module

        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"facesmith.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        _bound_numbers(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, [_current_option(word) for word in args])


class _Integer(click.types.IntParamType):
    """A whole number from 0 to `MAX_INTEGER`, because no option has a use for others."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number: int = super().convert(value, param, ctx)
        if not 0 <= number <= MAX_INTEGER:
            self.fail(f"{value} is not between 0 and {MAX_INTEGER:,}.", param, ctx)
        return number


class _Float(click.types.FloatParamType):
    """A finite number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def _bound_numbers(command: click.Command) -> None:
    """Refuse numbers on which the libraries below would fail, in every option of a command and its subcommands."""
    for parameter in command.params:
        if type(parameter.type) is click.types.IntParamType:
            parameter.type = _Integer()
        elif type(parameter.type) is click.types.FloatParamType:
            parameter.type = _Float()
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        _bound_numbers(subcommand)


def _current_option(word: str) -> str:
    """Return a word of a command line with the current name of the option."""
    name, equals, value = word.partition("=")
    if name not in OLD_OPTIONS:
        return word
    click.echo(f"facesmith: {name} is now {OLD_OPTIONS[name]}", err=True)
    return OLD_OPTIONS[name] + equals + value


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="facesmith")
@plugin_option
def facesmith() -> None:
    """Train a face generator on a folder of photos, and generate, edit and serve faces.

    \b
    Without data:           facesmith demo
    With a photo folder:    facesmith data import ~/photos faces
                            facesmith train tiny faces first-run --minutes 10
                            facesmith export first-run my-model
                            facesmith generate my-model --count 100 --out images
    """


def main() -> None:
    """Run the command line. An error that the user can correct prints one sentence and exits with code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the console cannot show
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = facesmith.main(prog_name="facesmith", standalone_mode=False)
        sys.stdout.flush()  # the disk of a redirected output may be full
    except click.ClickException as error:
        error.show()
        code = USER_ERROR
    except (click.Abort, KeyboardInterrupt):
        print("\nstopped", file=sys.stderr)
        code = INTERRUPTED
    except FacesmithError as error:
        print(f"facesmith: {error}", file=sys.stderr)
        code = USER_ERROR
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of the pipe has ended
        code = 0
    except OSError as error:  # such as a read-only folder
        advice = ", free up disk space or choose another disk" if error.errno in FULL_DISK else ""
        name = f": {error.filename}" if error.filename else ""
        print(f"facesmith: {error.strerror or error}{advice}{name}", file=sys.stderr)
        code = USER_ERROR
    except UnicodeEncodeError as error:
        print(f"facesmith: a file name cannot be encoded as {error.encoding}: set PYTHONUTF8=1", file=sys.stderr)
        code = USER_ERROR
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(number: int, frame: object) -> None:
    """End like Ctrl-C, so that a command which is stopped removes what it had not finished."""
    raise KeyboardInterrupt
