"""The kinds of sources by their names: a folder, a zip, Parquet files, archives, an address, the hub, drawn faces."""

from dataclasses import replace
from pathlib import Path

from facesmith.data.source import Source
from facesmith.data.sources.file_listing import FileListing, list_files, list_remote_files
from facesmith.data.sources.folder import folder_source
from facesmith.data.sources.remote import connection_errors, is_address, read_ahead
from facesmith.errors import FacesmithError
from facesmith.images.crop import CropSpec


def open_source(
    source: str, spec: CropSpec, seed: int = 0, labels: Path | None = None, align: bool = False, quiet: bool = True
) -> Source:
    """List the photos of a source, or raise `FacesmithError`. The text before a colon decides the kind of source."""
    if not source.strip():
        raise FacesmithError("the source is empty: pass a folder or a zip of photos")
    kind = source.partition(":")[0]
    if kind in ("builtin", "hf"):
        _refuse_labels(source, labels)
    if kind == "builtin":
        from facesmith.data.sources.builtin import builtin_source

        # Drawn at twice the size, and resized like a photo. A crop in pixels needs a fixed size to crop from.
        side = 2 * max(spec.width, spec.height) if spec.crop in ("fit", "none") else 256
        return builtin_source(source, seed, side)
    if kind == "hf":
        from facesmith.data.sources.hub import hub_source

        return hub_source(source, quiet=quiet)
    if is_address(source):
        with connection_errors(source):
            photos = _listed_source(list_remote_files(source), labels, align)
        return replace(photos, handles=lambda rows: read_ahead(photos.handles(rows)))
    return _listed_source(list_files(Path(source)), labels, align)


def _listed_source(listing: FileListing, labels: Path | None, align: bool) -> Source:
    if parquet := listing.parquet_files():
        from facesmith.data.sources.parquet import parquet_source

        _refuse_labels(listing.title, labels)
        return parquet_source(listing, parquet)
    if archives := listing.tar_files():
        from facesmith.data.sources.webdataset import list_packed_folder, webdataset_source

        packed = list_packed_folder(listing, archives)
        if packed is None:
            _refuse_labels(listing.title, labels)
            return webdataset_source(listing, archives)
        listing = packed
    if labels is None and listing.is_celeba():
        from facesmith.data.sources.celeba import celeba_source

        return celeba_source(listing, align)
    return folder_source(listing, labels)


def _refuse_labels(source: str, labels: Path | None) -> None:
    if labels is not None:
        raise FacesmithError(f"{source} has its own labels: pass labels only for a folder or a zip")
