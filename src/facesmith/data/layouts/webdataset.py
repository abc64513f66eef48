"""WebDataset: tar archives with an image and a JSON file for each key, which are read from one end to the other."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from facesmith.data.layouts.picture import Picture


def write_shard(pictures: Iterable[Picture], folder: Path, name: str) -> None:
    """Write images into an archive for each split: train-00000.tar, or faces-00000.tar without splits."""
    archives: dict[str, tarfile.TarFile] = {}
    with ExitStack() as files:
        for picture in pictures:
            split = picture.split or "faces"
            if split not in archives:
                folder.mkdir(parents=True, exist_ok=True)
                path = folder / f"{split}-{name or '00000'}.tar"
                archives[split] = files.enter_context(tarfile.open(path, "w", format=tarfile.USTAR_FORMAT))
            text = json.dumps(picture.row, ensure_ascii=False)
            stem = PurePosixPath(picture.name).stem
            for member, data in ((picture.name, picture.data), (f"{stem}.json", text.encode())):
                info = tarfile.TarInfo(member)
                info.size, info.mode = len(data), 0o644
                archives[split].addfile(info, io.BytesIO(data))


def read(folder: Path) -> Iterator[Picture]:
    """Yield the images of all archives. An image's JSON file follows it."""
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            pending: tuple[str, bytes] | None = None
            for member in archive:
                file = archive.extractfile(member)
                data = file.read() if file else b""
                if not member.name.endswith(".json"):
                    pending = member.name, data
                elif pending is not None:
                    yield Picture(*pending, json.loads(data))
