"""Upload models and datasets to the Hugging Face hub."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from facesmith.data.dataset import open_dataset
from facesmith.data.export import export_dataset
from facesmith.data.layouts.layout import CARD, STATE, is_set, read_set
from facesmith.errors import FacesmithError
from facesmith.hub import hub_options, load_client, translate_errors
from facesmith.models.folder import HUB_FILES, MODEL_CARDS, ModelFolder, included_folder
from facesmith.models.front_matter import add_front_matter, model_fields
from facesmith.terms import NON_COMMERCIAL


def push(
    path: str | Path, repository: str, *, private: bool = False, revision: str | None = None, quiet: bool = False
) -> str:
    """Upload a model, dataset or set of faces to the hub as ``owner/name`` and return its URL.

    The repository is created if needed.

    A model, classifier or makeover can then be loaded as ``owner/name``, or as ``owner/name@revision``. A dataset is
    exported as Parquet to a temporary folder first, see `export_dataset`; `import_dataset` reads it as
    ``hf:owner/name``. A set of faces that `generate` wrote is uploaded as it is. ``private`` applies when the
    repository is created. ``revision`` is an existing branch; default: main. Raises `FacesmithError` for other folders,
    without access, and for a dataset of CelebA, whose photos may not be published, unless ``private``.
    """
    if not re.fullmatch(r"[^/@\s]+/[^/@\s]+", repository):
        raise FacesmithError(f"invalid repository {repository!r}: expected OWNER/NAME; pass a branch with --revision")
    folder = _find(path)
    hub = load_client("uploading to the hub")
    api = hub.HfApi(endpoint=hub_options()["endpoint"])
    kind = next((kind for card, kind in MODEL_CARDS.items() if (folder / card).is_file()), None)
    is_generated = kind is None and is_set(folder)
    if is_generated and "seed" not in read_set(folder):
        raise FacesmithError(f"{path} is an exported dataset: push the dataset itself")
    if kind is None and not is_generated:
        dataset = open_dataset(folder)
        generated = sum(entry["count"] for entry in dataset.card.get("made_with", []))
        if dataset.terms == NON_COMMERCIAL and generated < len(dataset) and not private:
            raise FacesmithError(
                f"{path} contains CelebA photos, which may not be published: push to a private repository with "
                "--private"
            )
    repo_type = "dataset" if kind is None else "model"
    with _translate_upload(repository), translate_errors(repository):
        address = str(api.create_repo(repository, repo_type=repo_type, private=private, exist_ok=True))
        options = {"repo_type": repo_type, "revision": revision}
        if kind is not None:
            files = _model_files(ModelFolder(folder, kind))
            operations = [hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=data) for name, data in files]
            api.create_commit(repository, operations, commit_message="Upload a model with facesmith", **options)
            return address
        with TemporaryDirectory(prefix="facesmith-") as parent:
            if not is_generated:
                folder = export_dataset(dataset, Path(parent) / "set", layout="parquet", quiet=quiet)
            message = "Upload a dataset with facesmith"
            hidden = [CARD, f"{STATE}/**"]
            api.upload_folder(
                repo_id=repository, folder_path=folder, commit_message=message, ignore_patterns=hidden, **options
            )
    return address


def _find(path: str | Path) -> Path:
    """Return the folder of a model or dataset, also of an included model."""
    folder = Path(path)
    if not folder.is_dir():
        included = (included_folder(str(path), card) for card in MODEL_CARDS)
        folder = next((found for found in included if found is not None), folder)
    if not folder.is_dir():
        raise FacesmithError(f"{path} does not exist: pass the folder of a model, a dataset or a set of faces")
    return folder


def _model_files(folder: ModelFolder) -> list[tuple[str, bytes | str]]:
    """Return the name and the path of each file of a model; README.md as bytes, with front matter."""
    card = folder.read_card()
    text = add_front_matter(folder.read_readme() or f"# {card['name']}\n", model_fields(folder.kind, card))
    patterns = [*HUB_FILES, "samples.png", "LICENSE.txt"]
    paths = sorted({path for pattern in patterns for path in folder.path.glob(pattern)} - {folder.readme})
    return [*((path.name, str(path)) for path in paths), ("README.md", text.encode())]


@contextmanager
def _translate_upload(repository: str) -> Iterator[None]:
    """Raise `FacesmithError` for the error of huggingface_hub that a large file was not uploaded."""
    try:
        yield
    except RuntimeError as error:
        raise FacesmithError(f"the upload to {repository} failed ({error}): try again later") from None
