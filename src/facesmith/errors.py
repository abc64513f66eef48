"""The exceptions that facesmith raises for problems a user can solve."""


class FacesmithError(Exception):
    """A problem that a user can solve. The message is one sentence that says what is wrong and what to do.

    The command line prints the message and exits with code 2.
    """


class ImageError(Exception):
    """An image that cannot be used. The message is the short reason, without the image's name.

    Only `images` and `data` handle it: it becomes an entry in a list of skipped files, or a `FacesmithError`.
    """
