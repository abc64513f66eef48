"""Datasets of the Hugging Face hub: Parquet files with a column of images, read one row group at a time."""

import hashlib
import re
from contextlib import suppress
from typing import Any

from facesmith.data.source import Source
from facesmith.data.sources.file_listing import FileHandle
from facesmith.data.sources.parquet import Shard, open_shard, read_images, shard_metadata
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.hub import hub_options, load_client, translate_errors
from facesmith.progress import progress

CONVERTED = "refs/convert/parquet"  # where the hub stores datasets of other formats as Parquet


def hub_source(text: str, quiet: bool = False) -> Source:
    """Return ``hf:OWNER/NAME[@REVISION][/FOLDER]`` as a source; ``/FOLDER`` selects one of several datasets.

    Downloads its Parquet files into huggingface_hub's cache. Raises `FacesmithError` if the hub cannot be reached, the
    dataset does not exist or is not public, or has no column of images.
    """
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+?)(?:@([\w.-]+))?/?(?:/([\w./-]+?))?/?", text)
    if match is None:
        raise FacesmithError(f"invalid source {text!r}: expected hf:OWNER/NAME[@REVISION][/FOLDER]")
    repository, revision, folder = match[1], match[2], match[3]
    hub = load_client("importing from the Hugging Face hub")
    with translate_errors(repository):
        info, names = _find_parquet_files(hub, repository, revision, folder)
        shards = _download(hub, repository, info.sha, names, quiet)
    table, labels = shard_metadata(shards, _classes_in_card(info), repository)
    licence = getattr(info.card_data, "license", None) if info.card_data else None
    return Source(
        kind="hub",
        name=repository,
        fingerprint=hashlib.sha256(f"{repository} {info.sha} {' '.join(names)}".encode()).hexdigest(),
        table=table,
        handles=lambda rows: read_images(shards, rows),
        credit=f"{repository} on the Hugging Face hub" + (f", licence: {licence}" if licence else ""),
        terms=[*labels.terms, *([licence] if isinstance(licence, str) else [])],
        ignored_columns=labels.ignored_columns,
        notes=labels.notes,
    )


def _find_parquet_files(hub: Any, repository: str, revision: str | None, folder: str | None) -> tuple[Any, list[str]]:
    errors = require("huggingface_hub.errors", "hub", "importing from the Hugging Face hub")
    api = hub.HfApi(endpoint=hub_options()["endpoint"])
    info = api.dataset_info(repository, revision=revision)
    names = _parquet_names(info)
    if not names and revision is None:
        with suppress(errors.RevisionNotFoundError):
            converted = api.dataset_info(repository, revision=CONVERTED)
            converted.card_data = info.card_data
            info, names = converted, _parquet_names(converted)
    if not names:
        raise FacesmithError(
            f"{repository} contains no Parquet files: only datasets in Parquet format can be imported from the hub"
        )
    tops = sorted({name.partition("/")[0] if "/" in name else "" for name in names})
    if folder is None and len(tops) > 1:
        folder = next((top for top in ("default", "data") if top in tops), None)
        if folder is None:
            raise FacesmithError(
                f"{repository} contains several datasets ({', '.join(tops)}): select one, for example "
                f"hf:{repository}/{tops[-1]}"
            )
    names = [name for name in names if folder is None or name.startswith(folder + "/")]
    if not names:
        raise FacesmithError(
            f"{repository} has no Parquet files in {folder or 'its root'}: choose one of the folders {', '.join(tops)}"
        )
    return info, names


def _parquet_names(info: Any) -> list[str]:
    return sorted(file.rfilename for file in info.siblings or [] if file.rfilename.endswith(".parquet"))


def _download(hub: Any, repository: str, revision: str, names: list[str], quiet: bool) -> list[Shard]:
    shards = []
    with progress(len(names), "downloading", unit="files", shown=not quiet) as bar:
        for name in names:
            path = hub.hf_hub_download(repository, name, repo_type="dataset", revision=revision, **hub_options())
            shards.append(open_shard(name, FileHandle(path, 0), repository))
            bar.update(1)
    return shards


def _classes_in_card(info: Any) -> dict[str, list[str]]:
    """Return the class names in the metadata of the repository's README."""
    try:
        described = info.card_data.to_dict()["dataset_info"]
        features = (described[0] if isinstance(described, list) else described)["features"]
        names_of = {
            feature["name"]: feature["dtype"]["class_label"]["names"] for feature in features if _is_class(feature)
        }
        return {name: [names[key] for key in sorted(names, key=int)] for name, names in names_of.items()}
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return {}


def _is_class(feature: dict[str, Any]) -> bool:
    return isinstance(feature.get("dtype"), dict) and "class_label" in feature["dtype"]
