"""facesmith sign."""

from pathlib import Path

import click

import facesmith
from facesmith.errors import plural


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--certificate", required=True, type=click.Path(path_type=Path), help="Certificate chain, PEM.")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Private key of the certificate, PEM.")
def sign(files: tuple[Path, ...], certificate: Path, key: Path) -> None:
    """Add a signed C2PA manifest to every FILE, in place.

    FILE is an image made by facesmith. Requires the c2pa extra.

    \b
    facesmith sign faces/*.png --certificate chain.pem --key key.pem
    """
    signing_key = facesmith.load_signing_key(certificate, key)
    for file in files:
        facesmith.sign_file(file, signing_key)
    click.echo(f"{plural(len(files), 'file')} signed")
