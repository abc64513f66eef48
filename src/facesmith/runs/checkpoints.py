"""The checkpoint files of a run: their names, their metadata, and which of them are kept. Needs no torch."""

import json
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.files import check_version, finished_files
from facesmith.runs.old_names import current_progress

FORMAT, VERSION, OLDEST_VERSION = "facesmith-checkpoint", 3, 2
SUFFIX = ".safetensors"
METADATA_KEY = "facesmith"  # of the safetensors header
_MAX_HEADER_BYTES = 10_000_000  # a header names a few hundred tensors


def kimg_name(kimg: float) -> str:
    """Return a file name such as ``000128.000``: names and lengths sort alike."""
    return f"{kimg:010.3f}"


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, oldest first."""
    return finished_files(folder, SUFFIX)


def prune_checkpoints(folder: Path, keep: int) -> None:
    """Remove all but the newest ``keep`` and the milestones: the first checkpoint after each doubled length."""
    paths = list_checkpoints(folder)
    milestones: dict[int, Path] = {}
    for path in paths:
        milestones.setdefault(int(float(path.stem) * 1000).bit_length(), path)
    for path in set(paths) - {*paths[-keep:], *milestones.values()}:
        path.unlink()


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of a checkpoint: step, kimg, seconds, and the rest of its `Progress`.

    Raises `FacesmithError` for a damaged file or one of another kind.
    """
    try:
        with path.open("rb") as file:  # a safetensors file begins with the length of its JSON header
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _MAX_HEADER_BYTES)))
        end = (
            8
            + length
            + max((entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"), default=0)
        )
        if path.stat().st_size != end:
            raise ValueError("the file is incomplete")
        metadata = json.loads(header.get("__metadata__", {}).get(METADATA_KEY, "{}"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FacesmithError(
            f"{path} cannot be read as a checkpoint ({error}): remove it to use an older checkpoint"
        ) from None
    check_version(metadata, FORMAT, VERSION, path, oldest=OLDEST_VERSION)
    return current_progress(metadata)
