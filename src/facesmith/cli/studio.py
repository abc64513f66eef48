"""facesmith studio."""

from pathlib import Path

import click

import facesmith


@click.command(context_settings={"auto_envvar_prefix": "FACESMITH_STUDIO"})
@click.argument("path", nargs=-1, envvar="FACESMITH_STUDIO_PATHS")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets other machines in.")
@click.option("--port", default=8000, show_default=True, help="0 takes any that is free.")
@click.option("--token", envvar="FACESMITH_TOKEN", help="Let in only who has it, by ?token= or a Bearer header.")
@click.option("--allow-training", is_flag=True, help="Visitors may start, stop and branch runs.")
@click.option("--cors", multiple=True, metavar="ORIGIN", help="Pages from there may ask the API; repeatable.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="HOST",
    envvar="FACESMITH_STUDIO_ALLOWED_HOST",
    show_default="this machine's own names, or any where others are let in",
    help="A name it answers to, besides this machine's; repeatable.",
)
@click.option("--certfile", type=click.Path(path_type=Path), help="For TLS, with --keyfile.")
@click.option("--keyfile", type=click.Path(path_type=Path), help="Of the certificate.")
@click.option("--workers", default=0, show_default="one a core", help="Threads that make faces.")
@click.option(
    "--rate",
    type=float,
    show_default="50, or any where only this machine asks",
    help="Requests a second of one client.",
)
@click.option("--open/--no-open", "browser", default=False, help="Open a browser on the first page.")
@click.option("--quiet", is_flag=True, help="No line for every request.")
def studio(path: tuple[str, ...], **options: object) -> None:
    """Show models and runs in a browser, and serve them over HTTP; Ctrl-C or SIGTERM end it.

    PATH is a run, a model, a makeover, a dataset, a map, a folder of them, a model that comes with facesmith, or a hub
    id; without any it is all beneath this folder, and the models that come along. Every option is also read from the
    environment, as FACESMITH_STUDIO_PORT, FACESMITH_STUDIO_PATHS, and the token as FACESMITH_TOKEN.

    \b
    facesmith studio
    facesmith studio runs my-model --open
    FACESMITH_TOKEN=... facesmith studio my-model --host 0.0.0.0 --certfile cert.pem --keyfile key.pem
    """
    facesmith.serve(path, **options)  # type: ignore[arg-type]
