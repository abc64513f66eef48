"""facesmith sign."""

from pathlib import Path

import click

import facesmith


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--certificate", required=True, type=click.Path(path_type=Path), help="Chain of certificates, PEM.")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Private key of the certificate, PEM.")
def sign(files: tuple[Path, ...], certificate: Path, key: Path) -> None:
    """Sign every FILE in place with a C2PA manifest: pictures that facesmith has made. Requires the extra c2pa.

    \b
    facesmith sign faces/*.png --certificate chain.pem --key key.pem
    """
    signing_key = facesmith.load_signing_key(certificate, key)
    for file in files:
        facesmith.sign_file(file, signing_key)
    click.echo(f"{len(files):,} files signed")
