"""The one exception facesmith raises for what a user can put right."""


class FacesmithError(Exception):
    """Something a user can put right: its message is one sentence that says what is wrong and what to do.

    The command line prints that sentence alone and exits with code 2; from Python it is an ordinary exception.
    """
