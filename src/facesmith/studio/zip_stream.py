"""A zip that is read while it grows."""

import zipfile
from typing import Any


class Zip:
    """Files put into a zip, whose bytes so far are `taken` from time to time; none of it is kept.

    Entries have no date: the same files give the same bytes.
    """

    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._archive = zipfile.ZipFile(self._pipe, "w")

    def put(self, name: str, data: bytes | str) -> None:
        """Add a file. PNGs are not compressed a second time."""
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o644 << 16
        if not name.endswith(".png"):
            entry.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(entry, data)

    def taken(self) -> bytes:
        """What was written since this was last asked."""
        parts, self._pipe.parts = self._pipe.parts, []
        return b"".join(parts)

    def ended(self) -> bytes:
        """The rest of it; nothing can be put into it any more."""
        self._archive.close()
        return self.taken()


class _Pipe:
    """What a zip is written to, without a way back, so that zipfile never looks for one.

    It cannot be closed: a zip that is given up half-way still writes its end, in an order that Python chooses.
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
