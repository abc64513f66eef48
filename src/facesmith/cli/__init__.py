"""The command line: parse, call the public API, print. Every command is a thin layer over one public function."""

import os
import sys

import click

from facesmith.cli.plugins import plugin_option
from facesmith.errors import FacesmithError
from facesmith.version import __version__

USER_ERROR, INTERRUPTED = 2, 130

# Commands by the module that holds them, so that --help and tab completion load none of the others.
COMMANDS = {
    "demo": "demo",
    "data": "data",
    "train": "train",
    "report": "train",
    "compare": "compare",
    "export": "models",
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
    "map": "map",
    "studio": "studio",
    "recipes": "machine",
    "doctor": "machine",
    "completion": "machine",
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from importlib import import_module

        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"facesmith.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="facesmith")
@plugin_option
def facesmith() -> None:
    """From a folder of face photos to a face generator you can watch, trust and steer.

    \b
    No data at hand?        facesmith demo
    A folder of photos?     facesmith data import ~/photos faces
                            facesmith train tiny faces first-run --minutes 10
                            facesmith export first-run my-model
                            facesmith generate my-model --count 100 --out pictures
    """


def main() -> None:
    """Run the command line; what a user can put right ends in one sentence and exit code 2."""
    try:
        code = facesmith.main(prog_name="facesmith", standalone_mode=False)
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of a pipe left: nothing to add
        code = 0
    except OSError as error:  # a full disk, a folder that may not be written: the system's own words and the place
        print(f"facesmith: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        code = USER_ERROR
    sys.exit(code if isinstance(code, int) else 0)
