"""The view of a run under the cell of a notebook that trains it: its newest sample sheet and curves."""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

from facesmith.runs.run import Run

MIN_SECONDS = 5.0  # between two updates
MAX_SHARE = 0.05  # of the time may be spent on drawing


class NotebookView:
    """Shows a run and updates it in place; `refresh` may be called after every step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run: Run | None = None
        self._handle: Any = None
        self._next = 0.0

    def refresh(self, force: bool = False) -> None:
        """Draw the run again if something was written and the last drawing is long enough ago, or by ``force``."""
        start = time.monotonic()
        if start < self._next and not force:
            return
        if self.run is None:
            self.run = Run(self.path)
        elif not self.run.refresh() and not force:
            self._next = start + MIN_SECONDS
            return
        self._show(self.run._repr_html_())
        now = time.monotonic()
        self._next = now + max(MIN_SECONDS, (now - start) / MAX_SHARE)

    def _show(self, html: str) -> None:
        display: Any = import_module("IPython.display")
        if self._handle is None:
            self._handle = display.display(display.HTML(html), display_id=True)
        else:
            self._handle.update(display.HTML(html))
