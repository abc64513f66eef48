"""Progress bars and messages on stderr, so that the output of a command can be piped."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeAlias

from tqdm import tqdm

Bar: TypeAlias = "tqdm[NoReturn]"  # it is updated by hand and not iterated over


@contextmanager
def progress(total: int | None, what: str, unit: str = "images", shown: bool = True) -> "Iterator[Bar]":
    """Yield a bar with rate and remaining time: ``with progress(n, "importing") as bar: bar.update(k)``.

    Where stderr is not a terminal (a log file, CI), it prints a line every ten seconds instead.
    """
    is_terminal = sys.stderr.isatty()
    bar = tqdm(
        total=total,
        desc=what,
        unit=" " + unit,
        disable=not shown,
        mininterval=0.2 if is_terminal else 10,
        maxinterval=10,
        miniters=None if is_terminal else 1,
        smoothing=0.1,
        dynamic_ncols=is_terminal,
        ascii=None if is_terminal else " #",
        leave=True,
    )
    with bar:
        yield bar


def tell(text: str) -> None:
    """Print a message on stderr."""
    print(text, file=sys.stderr, flush=True)


def silent(text: str) -> None:
    """Print nothing: replaces `tell` with ``--quiet``."""
