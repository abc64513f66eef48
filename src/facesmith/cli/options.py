"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path

import click

from facesmith.cli import completion

Command = Callable[..., None]

KINDS = click.Choice(["mean", "boundary", "orthogonal"])

quiet = click.option("--quiet", is_flag=True, help="Hide the progress bar.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
out_folder = click.option("--out", required=True, type=click.Path(path_type=Path), help="Write this new folder.")
out_picture = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Write this new file: .png, .gif or .mp4."
)
refine = click.option(
    "--refine",
    type=int,
    metavar="STEPS",
    help="Bring faces closer to their photos by this many optimisation steps; 0 skips them. Default: 50 if PyTorch "
    "is installed, otherwise 0.",
)


model = click.argument("model", shell_complete=completion.models)
dataset = click.argument("dataset", type=click.Path(path_type=Path), shell_complete=completion.folders_of("dataset"))
run = click.argument("run", type=click.Path(path_type=Path), shell_complete=completion.folders_of("run"))


def fps(default: int) -> Callable[[Command], Command]:
    return click.option("--fps", default=default, show_default=True, help="Set the faces per second of a film.")


def classifier(help: str, required: bool = False) -> Callable[[Command], Command]:  # noqa: A002
    return click.option(
        "--classifier",
        required=required,
        type=click.Path(path_type=Path),
        shell_complete=completion.folders_of("classifier"),
        help=help,
    )


def faces(command: Command) -> Command:
    """Add the options of every command that takes photos."""
    for option in (
        quiet,
        click.option("--aligned", is_flag=True, help="Crop aligned photos without detecting faces."),
        click.option(
            "--face",
            default="largest",
            show_default=True,
            help="Select faces of a photo: largest, all, or 0, 1, ... from the left.",
        ),
    ):
        command = option(command)
    return command
