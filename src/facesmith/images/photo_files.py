"""Find the photos in folders: by the endings of their names, or by their first bytes where these say nothing."""

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from facesmith.errors import FacesmithError, ImageError
from facesmith.files import exists
from facesmith.images.decode import FORMAT_NAMES, SUFFIXES, image_format

SYSTEM_FOLDERS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information")
# Images, videos, archives and datasets that facesmith does not read.
UNREAD_SUFFIXES = (
    ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".srw", ".pef", ".raw", ".jxl", ".psd",
    ".xcf", ".svg", ".eps", ".ai", ".pdf", ".exr", ".hdr", ".tga", ".ico", ".ppm", ".pgm", ".mov", ".mp4", ".m4v",
    ".avi", ".mkv", ".webm", ".3gp", ".mts", ".wmv", ".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz",
    ".zst", ".001", ".arrow", ".feather", ".npy", ".npz", ".h5", ".hdf5", ".mat", ".pkl", ".pickle", ".tfrecord",
    ".tfrecords", ".mdb", ".lmdb",
)  # fmt: skip


@dataclass
class Walk:
    """The files below a folder by their names relative to it, with "/", and the folders that were passed over."""

    files: "dict[str, os.DirEntry[str]]" = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)  # links to folders that are listed already, or contain the link


def walk_folder(root: str) -> Walk:
    """List the files below a folder, each folder once. Links are followed, unless they lead to a folder above."""
    walk, root_path = Walk(), os.path.realpath(root)
    visited: set[str] = set()
    folders, links = [(root, "")], list[tuple[str, str]]()
    while folders or links:
        folder, prefix = folders.pop() if folders else links.pop(0)  # links come last, so that real names are kept
        real_path = os.path.realpath(folder)
        if real_path in visited or (prefix and f"{root_path}/".startswith(real_path.rstrip("/") + "/")):
            walk.repeated.append(prefix.rstrip("/"))
            continue
        visited.add(real_path)
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            if not prefix:
                raise FacesmithError(f"{root} cannot be listed: {error.strerror}") from None
            walk.unreadable.append(prefix.rstrip("/"))
            continue
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if not _is_folder(entry):
                walk.files[prefix + entry.name] = entry
            else:
                (links if entry.is_symlink() else folders).append((entry.path, f"{prefix}{entry.name}/"))
    walk.files = dict(sorted(walk.files.items()))
    return walk


def is_hidden(name: str) -> bool:
    """Return whether a name is that of a system file, such as .DS_Store or a ._ copy that macOS puts into zips."""
    return name.startswith(".") or name in SYSTEM_FOLDERS


def is_image(name: str, read: Callable[[], str | bytes]) -> bool:
    """Return whether a file is an image, by its ending or else by its first bytes. ``read`` returns a path or bytes."""
    name = name.lower()
    if name.endswith(SUFFIXES):
        return True
    if name.endswith(UNREAD_SUFFIXES):
        return False
    try:
        return image_format(read()) is not None
    except (OSError, ImageError):
        return False


def expand_photos(photos: Sequence[str | Path]) -> list[str]:
    """Return the paths of photos, with a folder replaced by the images in it, and a pattern like ``*.jpg`` by its
    files. Raises `FacesmithError` if there are none."""
    paths: list[str] = []
    for photo in map(str, photos):
        if exists(Path(photo)) and Path(photo).is_dir():
            files = walk_folder(photo).files
            found = [entry.path for name, entry in files.items() if is_image(name, partial(getattr, entry, "path"))]
            if not found:
                raise FacesmithError(f"{photo} contains no images: supported formats are {FORMAT_NAMES}")
            paths += found
        elif glob.has_magic(photo) and not exists(Path(photo)):
            found = sorted(glob.glob(photo, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if not found:
                raise FacesmithError(f"no file matches {photo!r}: check the pattern")
            paths += expand_photos(found)
        else:
            paths.append(photo)
    return paths


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
