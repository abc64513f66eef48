"""facesmith identify."""

import json
from typing import Any

import click

import facesmith
from facesmith.cli.options import as_json
from facesmith.errors import FacesmithError


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@as_json
def identify(files: tuple[str, ...], as_json: bool) -> None:
    """Check whether each FILE is marked as synthetic.

    FILE is an image or video. An unmarked file may also be synthetic, and anyone can remove or forge the metadata.

    \b
    facesmith identify faces/000000.png
    facesmith identify download.jpg video.mp4 --json
    """
    reports, errors = list[dict[str, Any]](), list[str]()
    for file in files:  # one unreadable file does not withhold the others' reports
        try:
            reports.append(facesmith.identify(file))
        except FacesmithError as error:
            errors.append(str(error))
    if reports or as_json:
        click.echo(
            json.dumps(reports, indent=2) if as_json else "\n".join(f"{r['file']}: {r['summary']}" for r in reports)
        )
    if errors:
        raise FacesmithError("\n".join(errors))
