"""Upload models and datasets to the Hugging Face hub."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.hub import hub_options, load_client, translate_errors
from facesmith.images.notebook import png_bytes
from facesmith.models.folder import HUB_FILES, MODEL_CARDS, ModelFolder, included_folder
from facesmith.models.front_matter import add_front_matter, model_fields
from facesmith.progress import progress
from facesmith.terms import licence_fields

SHARD_IMAGES = 10_000  # of a Parquet file
GROUP_IMAGES = 1_000  # of a row group, which readers hold in memory
# Tells ``datasets`` that the structs of this column are images.
IMAGE_FEATURE = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}


def push(
    path: str | Path, repository: str, *, private: bool = False, revision: str | None = None, quiet: bool = False
) -> str:
    """Upload a model or a dataset to the hub as ``owner/name``, which is created if needed, and return its address.

    A model, classifier or makeover can then be loaded as ``owner/name``, or as ``owner/name@revision``. A dataset
    becomes Parquet files with all columns of its metadata, which `import_dataset` reads as ``hf:owner/name``, and
    ``datasets.load_dataset`` as well. ``private`` applies when the repository is created. ``revision`` is an existing
    branch; default: main. Raises `FacesmithError` for other folders, without access, and for a dataset of CelebA, whose
    photos may not be published, unless ``private``.
    """
    folder = _find(path)
    hub = load_client("uploading to the hub")
    api = hub.HfApi(endpoint=hub_options()["endpoint"])
    kind = next((kind for card, kind in MODEL_CARDS.items() if (folder / card).is_file()), None)
    if kind is None:
        dataset = open_dataset(folder)
        if dataset.card["source"]["kind"] == "celeba" and not private:
            raise FacesmithError(f"{path} has photos of CelebA, which may not be published: push it as private")
    repo_type = "dataset" if kind is None else "model"
    with translate_errors(repository):
        address = str(api.create_repo(repository, repo_type=repo_type, private=private, exist_ok=True))
        options = {"repo_type": repo_type, "revision": revision}
        if kind is not None:
            files = _model_files(ModelFolder(folder, kind))
            _commit(hub, api, repository, files, "Upload a model with facesmith", options)
            return address
        names = list[str]()
        with progress(len(dataset), "uploading", shown=not quiet) as bar:
            for name, data, count in _shards(dataset):
                _commit(hub, api, repository, {name: data}, f"Upload {name} with facesmith", options)
                names.append(name)
                bar.update(count)
        card = {"README.md": _dataset_readme(dataset, repository).encode()}
        _commit(hub, api, repository, card, "Upload the card with facesmith", options)
    return address


def _find(path: str | Path) -> Path:
    """Return the folder of a model or dataset, also of an included model."""
    folder = Path(path)
    if not folder.is_dir():
        included = (included_folder(str(path), card) for card in MODEL_CARDS)
        folder = next((found for found in included if found is not None), folder)
    if not folder.is_dir():
        raise FacesmithError(f"{path} does not exist: name the folder of a model or of a dataset")
    return folder


def _model_files(folder: ModelFolder) -> dict[str, bytes | str]:
    """Return the files of a model by name, its README.md with front matter."""
    card = folder.read_card()
    text = add_front_matter(folder.read_readme() or f"# {card['name']}\n", model_fields(folder.kind, card))
    patterns = [*HUB_FILES, "samples.png", "LICENSE.txt"]
    paths = sorted({path for pattern in patterns for path in folder.path.glob(pattern)})
    return {path.name: str(path) for path in paths} | {"README.md": text.encode()}


def _commit(
    hub: Any, api: Any, repository: str, files: Mapping[str, bytes | str], message: str, options: dict[str, Any]
) -> None:
    operations = [hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=data) for name, data in files.items()]
    try:
        api.create_commit(repository, operations, commit_message=message, **options)
    except RuntimeError as error:  # of a large file, whatever the cause was
        raise FacesmithError(f"{repository} could not be uploaded ({error}): try again later") from None


def _shards(dataset: Dataset) -> Iterator[tuple[str, bytes, int]]:
    """Yield the name, content and number of images of each Parquet file of a dataset."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = dataset.metadata()
    image_type = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    total = -(-len(dataset) // SHARD_IMAGES)
    for shard in range(total):
        first, last = shard * SHARD_IMAGES, min((shard + 1) * SHARD_IMAGES, len(dataset))
        table = metadata.slice(first, last - first)
        images = pa.array(
            [
                {"bytes": png_bytes(Image.fromarray(image)), "path": file}
                for image, file in zip(dataset.images[first:last], table["file"].to_pylist(), strict=True)
            ],
            image_type,
        )
        sink, table = pa.BufferOutputStream(), table.add_column(0, "image", images)
        pq.write_table(table.replace_schema_metadata(IMAGE_FEATURE), sink, row_group_size=GROUP_IMAGES)
        yield f"data/train-{shard:05d}-of-{total:05d}.parquet", sink.getvalue().to_pybytes(), last - first


def _dataset_readme(dataset: Dataset, repository: str) -> str:
    """Return the card of a dataset for the hub."""
    width, height = dataset.size
    source = dataset.card["source"]
    fields: dict[str, Any] = licence_fields(dataset.terms) | {
        "tags": ["facesmith", "faces"],
        "task_categories": ["unconditional-image-generation"],
    }
    lines = [
        f"# {repository.partition('/')[2]}",
        "",
        f"{len(dataset):,} faces of {width}x{height} pixels, made with facesmith from `{source['name']}`.",
        "",
        f"Terms: {dataset.terms}.",
        *(["", source["credit"]] if source.get("credit") else []),
        "",
        f"Attributes: {', '.join(dataset.attributes) or 'none'}.",
        "",
        "```bash",
        f"facesmith data import hf:{repository} faces --size {height} --crop none",
        "```",
        "",
    ]
    return add_front_matter("\n".join(lines), fields)
