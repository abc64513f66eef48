"""A zip archive that is sent while it is written."""

import zipfile
from typing import Any


class ZipStream:
    """A zip archive whose bytes are taken from time to time and never kept.

    Entries have no date, so the same files give the same bytes.
    """

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._archive = zipfile.ZipFile(self._buffer, "w")

    def add(self, name: str, data: bytes | str) -> None:
        """Add a file. PNGs are stored without further compression; text is UTF-8, with ? for lone surrogates."""
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o644 << 16
        if not name.endswith(".png"):
            entry.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(entry, data.encode("utf-8", "replace") if isinstance(data, str) else data)

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        parts, self._buffer.parts = self._buffer.parts, []
        return b"".join(parts)

    def finish(self) -> bytes:
        """Close the archive and return the remaining bytes."""
        self._archive.close()
        return self.take()


class _Buffer:
    """The file that a zip is written to. It cannot seek, so zipfile streams.

    It cannot be closed either: an abandoned archive still writes its end when Python deletes it.
    """

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass
