"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path

import click

from facesmith.cli import completion
from facesmith.extras import BACKENDS

Command = Callable[..., None]

KINDS = click.Choice(["best", "mean", "boundary", "orthogonal", "label"])

quiet = click.option("--quiet", is_flag=True, help="Hide the progress bar.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
out_folder = click.option("--out", required=True, type=click.Path(path_type=Path), help="Write to this new folder.")
out_picture = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Write to this new .png, .gif or .mp4 file."
)
backend = click.option(
    "--backend",
    default="onnx",
    show_default=True,
    type=click.Choice(list(BACKENDS)),
    help="Compute with this backend. openvino is faster on CPUs and requires the openvino extra.",
)
refine = click.option(
    "--refine",
    type=int,
    metavar="STEPS",
    help="Refine the latents of photos in this many optimisation steps; 0 disables refinement. Default: 50 if PyTorch "
    "is installed, otherwise 0.",
)


model = click.argument("model", shell_complete=completion.models)
dataset = click.argument("dataset", type=click.Path(path_type=Path), shell_complete=completion.folders_of("dataset"))
run = click.argument("run", type=click.Path(path_type=Path), shell_complete=completion.folders_of("run"))


def fps(default: int) -> Callable[[Command], Command]:
    return click.option("--fps", default=default, show_default=True, help="Frames per second of the video.")


def classifier(help: str, required: bool = False) -> Callable[[Command], Command]:  # noqa: A002
    return click.option(
        "--classifier",
        required=required,
        type=click.Path(path_type=Path),
        shell_complete=completion.classifiers,
        help=help,
    )


def faces(command: Command) -> Command:
    """Add the options of every command that takes photos."""
    for option in (
        quiet,
        click.option(
            "--aligned", is_flag=True, help="Treat photos as already aligned: crop them without face detection."
        ),
        click.option(
            "--face",
            default="largest",
            show_default=True,
            help="Select faces: largest, all, or a number counted from the left, starting at 0.",
        ),
    ):
        command = option(command)
    return command
