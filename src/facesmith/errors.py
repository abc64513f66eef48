"""The exceptions that facesmith raises for problems a user can solve, and help for their messages."""

import difflib
from collections.abc import Iterable
from itertools import islice

MAX_LISTED_NAMES = 100  # in a message


class FacesmithError(Exception):
    """A problem that a user can solve. The message is one sentence with the problem and the remedy.

    The command line prints the message and exits with code 2.
    """


class MissingPackageError(FacesmithError):
    """A package of an extra is not installed. Trying again, such as with another photo, fails in the same way."""


class ImageError(Exception):
    """An image that cannot be used. The message is the short reason, without the image's name.

    Only `images` and `data` handle it: it becomes an entry in a list of skipped files, or a `FacesmithError`.
    """


def plural(count: int, singular: str, plural_form: str | None = None) -> str:
    """Return a count with its noun, such as "1 face" or "2,000 faces"."""
    return f"{count:,} {singular if count == 1 else plural_form or singular + 's'}"


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return the advice for a wrong name: the nearest names, ignoring case, or all names if none is near."""
    names = {name.casefold(): name for name in known}
    near = [names[match] for match in difflib.get_close_matches(wrong.casefold(), names, n=3, cutoff=0.5)]
    all_names = ", ".join(islice(names.values(), MAX_LISTED_NAMES))
    return f"did you mean {' or '.join(near)}?" if near else f"choose one of {all_names}"
