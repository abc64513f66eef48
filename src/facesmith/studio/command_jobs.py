"""Exports and imports that visitors start, if that is allowed: separate processes that end by themselves."""

import asyncio
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from secrets import token_urlsafe

from facesmith.studio.command_process import CommandProcess, start_process
from facesmith.studio.errors import Busy, NotFound, Problem

MAX_COMMANDS = 2  # at a time
MAX_IMPORTS, MAX_FILES, MAX_PATH_BYTES = 20, 500_000, 500
MIN_FREE_BYTES = 2_000_000_000  # of the disk, that uploads leave


@dataclass(eq=False)
class PhotoUpload:
    """Photos that a visitor has sent for a dataset, in a hidden folder next to the runs."""

    id: str
    folder: Path
    files: int = 0
    bytes: int = 0
    dataset: Path | None = None  # that they are imported into
    is_cancelled: bool = False
    # Held while files are written or deleted. A request can be cancelled while its thread still does so, therefore this
    # is a lock of threads.
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def photos(self) -> Path:
        """Return the source of the import: a zip if that was sent, else the folder."""
        files = list(self.folder.iterdir()) if self.folder.is_dir() else []
        return files[0] if len(files) == 1 and files[0].suffix.lower() == ".zip" else self.folder


@dataclass(eq=False)
class CommandJobs:
    """Commands by a key such as "export NAME", and the uploads of imports. Used only in the event loop."""

    _processes: dict[str, CommandProcess] = field(default_factory=dict)
    _uploads: dict[str, PhotoUpload] = field(default_factory=dict)

    async def start(self, key: str, arguments: Sequence[str]) -> None:
        """Run ``facesmith`` with these arguments. Raises `Busy` if too many commands run."""
        if sum(process.code is None for process in self._processes.values()) >= MAX_COMMANDS:
            raise Busy(f"{MAX_COMMANDS} exports and imports are already running: wait until one ends", 10)
        self._processes[key] = await start_process(arguments)

    def find(self, key: str) -> CommandProcess | None:
        """Return the last process that was started with this key."""
        return self._processes.get(key)

    def new_upload(self, parent: Path) -> PhotoUpload:
        if len(self._uploads) >= MAX_IMPORTS:
            raise Busy(f"{MAX_IMPORTS} imports are open: cancel one", 60)
        name = token_urlsafe(12)
        upload = self._uploads[name] = PhotoUpload(name, parent / f".upload-{name}")
        upload.folder.mkdir(parents=True)
        return upload

    def upload(self, name: str) -> PhotoUpload:
        upload = self._uploads.get(name)
        if upload is None or upload.is_cancelled:
            raise _no_upload(name)
        return upload

    async def remove_upload(self, name: str) -> None:
        """Stop the import of an upload and delete its files."""
        await self._remove(self.upload(name))

    async def _remove(self, upload: PhotoUpload) -> None:
        upload.is_cancelled = True
        process = self._processes.pop(f"import {upload.id}", None)
        if process is not None and process.code is None:
            process.stop()
            await process.ended()
        await asyncio.to_thread(_delete, upload)
        self._uploads.pop(upload.id, None)  # not earlier: `close` deletes uploads left by cancelled requests

    async def close(self) -> None:
        """Stop all commands and delete all uploads."""
        for process in self._processes.values():
            if process.code is None:
                process.stop()
                await process.ended()
        for upload in list(self._uploads.values()):
            await self._remove(upload)


def _no_upload(name: str) -> NotFound:
    return NotFound(f"there is no upload {name[:40]!r}: it was cancelled, or the studio was restarted")


def _delete(upload: PhotoUpload) -> None:
    with upload.lock:
        shutil.rmtree(upload.folder, ignore_errors=True)


def write_part(upload: PhotoUpload, path: str, offset: int, data: bytes) -> None:
    """Write a part of a file of an upload.

    Raises `Problem` for a path outside it, a gap, a full disk, and an upload that was cancelled in the meantime.
    """
    with upload.lock:
        if upload.is_cancelled:
            raise _no_upload(upload.id)
        _write_part(upload, path, offset, data)


def _write_part(upload: PhotoUpload, path: str, offset: int, data: bytes) -> None:
    parts = PurePosixPath(path).parts
    invalid = not parts or len(path.encode()) > MAX_PATH_BYTES or "\\" in path or "\0" in path
    if invalid or any(part in ("/", "..") or part.startswith(".") for part in parts):
        raise Problem(422, f"invalid path {path[:80]!r}: expected a relative path without hidden folders")
    target = upload.folder.joinpath(*parts)
    is_new = not target.exists()
    if (0 if is_new else target.stat().st_size) != offset:
        raise Problem(
            400,
            f"the upload of {path[-80:]!r} does not continue at byte {offset:,}: send the file again from the start",
        )
    if upload.files >= MAX_FILES:
        raise Problem(
            413, f"an upload can contain at most {MAX_FILES:,} photos: import them with facesmith data import"
        )
    if shutil.disk_usage(upload.folder).free - len(data) < MIN_FREE_BYTES:
        raise Problem(413, "the studio's disk is almost full: send fewer photos")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("ab") as file:
        file.write(data)
    os.utime(target)
    upload.files += is_new
    upload.bytes += len(data)
