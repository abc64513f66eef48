"""facesmith studio."""

from pathlib import Path

import click

import facesmith
from facesmith.cli import completion, options


@click.command(context_settings={"auto_envvar_prefix": "FACESMITH_STUDIO"})
@click.argument(
    "path",
    nargs=-1,
    envvar="FACESMITH_STUDIO_PATHS",
    shell_complete=completion.folders_of("run", "generator", "makeover", "classifier", "dataset", "map"),
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Listen on this address. 0.0.0.0 accepts connections from other machines; :: also accepts them over IPv6.",
)
@click.option("--port", default=8000, show_default=True, help="Listen on this port. 0 selects a free one.")
@click.option("--token", envvar="FACESMITH_TOKEN", help="Require this token, as ?token= or in a Bearer header.")
@click.option("--allow-training", is_flag=True, help="Allow visitors to start, stop and branch runs.")
@click.option(
    "--cors", multiple=True, metavar="ORIGIN", help="Allow pages from this origin to call the API; repeatable."
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="HOST",
    envvar="FACESMITH_STUDIO_ALLOWED_HOST",
    show_default="the names of this machine, or any name if other machines can connect",
    help="Also answer requests for this host name; repeatable.",
)
@click.option("--certfile", type=click.Path(path_type=Path), help="Use this TLS certificate; requires --keyfile.")
@click.option("--keyfile", type=click.Path(path_type=Path), help="Private key of the certificate.")
@click.option(
    "--root-path",
    default="",
    metavar="PATH",
    show_default="none",
    help="Path prefix that a proxy serves the studio under, for example /faces.",
)
@click.option("--workers", default=0, show_default="one per core", help="Number of threads that generate faces.")
@options.backend
@click.option(
    "--rate",
    type=float,
    show_default="50, or no limit if only this machine can connect",
    help="Maximum number of requests per second per client.",
)
@click.option("--open/--no-open", "browser", default=False, help="Open the studio in a browser.")
@click.option("--quiet", is_flag=True, help="Do not log requests.")
def studio(path: tuple[str, ...], **options: object) -> None:
    """Serve models and runs as web pages and an HTTP API.

    PATH is a run, model, makeover, dataset or map, a folder of them, the name of an included model, or a hub id. The
    default is the working folder and the included models. Options can also be set with environment variables:
    FACESMITH_STUDIO_PATHS, FACESMITH_STUDIO_PORT and so on; FACESMITH_TOKEN sets the token.

    \b
    facesmith studio
    facesmith studio runs my-model --open
    FACESMITH_TOKEN=... facesmith studio my-model --host 0.0.0.0 --certfile cert.pem --keyfile key.pem
    """
    facesmith.serve(path, **options)  # type: ignore[arg-type]
