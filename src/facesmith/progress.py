"""Progress bars and messages on stderr, so that the output of a command can be piped; in a notebook, in its cell."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

from tqdm import tqdm

Bar: TypeAlias = "tqdm[NoReturn]"  # it is updated by hand and not iterated over


@contextmanager
def progress(total: int | None, what: str, unit: str = "images", shown: bool = True) -> "Iterator[Bar]":
    """Yield a bar with rate and remaining time: ``with progress(n, "importing") as bar: bar.update(k)``.

    Where stderr is not a terminal (a log file, CI), it prints a line every ten seconds instead.
    """
    is_live = sys.stderr.isatty() or in_notebook()
    bar = _bar_type()(
        total=total,
        desc=what,
        unit=" " + unit,
        disable=not shown,
        mininterval=0.2 if is_live else 10,
        maxinterval=10,
        miniters=None if is_live else 1,
        smoothing=0.1,
        dynamic_ncols=sys.stderr.isatty(),
        ascii=None if is_live else " #",
        leave=True,
    )
    with bar:
        yield bar


def move_bar(bar: Bar, position: int) -> None:
    """Set the position of a bar, after a resume or a rollback, without counting the difference as work.

    `tqdm.update` would count it into the rate, and after a change of ``n`` alone, a bar that was moved back would not
    be drawn again until it had caught up.
    """
    bar.initial = bar.n = bar.last_print_n = position


def tell(text: str) -> None:
    """Print a message on stderr, or as output of the cell in a notebook, which marks stderr as an error."""
    print(text, file=sys.stdout if in_notebook() else sys.stderr, flush=True)


def in_notebook() -> bool:
    """Return whether this code runs in the kernel of a notebook. Does not import IPython."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _bar_type() -> Any:
    """Return tqdm's class for a terminal or, with ipywidgets in a notebook, the one with a widget."""
    if not in_notebook():
        return tqdm
    with warnings.catch_warnings(action="ignore"):  # without ipywidgets, the bar is text
        from tqdm.auto import tqdm as notebook_tqdm
    return notebook_tqdm


def silent(text: str) -> None:
    """Print nothing: replaces `tell` with ``--quiet``."""
