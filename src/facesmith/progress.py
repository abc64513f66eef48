"""The progress bar of everything that takes longer than a moment."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeAlias

from tqdm import tqdm

Bar: TypeAlias = "tqdm[NoReturn]"  # it counts by hand and is not iterated over


@contextmanager
def progress(total: int | None, what: str, unit: str = "images", shown: bool = True) -> "Iterator[Bar]":
    """A bar on stderr with rate and time left: ``with progress(n, "importing") as bar: bar.update(k)``.

    Where stderr is not a terminal (a log file, CI) a line every ten seconds takes the place of the moving bar.
    """
    live = sys.stderr.isatty()
    bar = tqdm(
        total=total,
        desc=what,
        unit=" " + unit,
        disable=not shown,
        mininterval=0.2 if live else 10,
        maxinterval=10,
        miniters=None if live else 1,
        smoothing=0.1,
        dynamic_ncols=live,
        ascii=None if live else " #",
        leave=True,
    )
    with bar:
        yield bar


def tell(text: str) -> None:
    """Say something to whoever watches the work: on stderr, so that what a command prints can be piped."""
    print(text, file=sys.stderr, flush=True)


def silent(text: str) -> None:
    """What quiet work says instead."""
