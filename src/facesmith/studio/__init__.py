"""The studio: pages and an HTTP API for models and runs. `facesmith.studio(...)` starts it, see `serving.studio`."""

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """This package, called as the function of its name.

    The public name is both: Python sets ``facesmith.studio`` to this package as soon as anything in it is imported.
    """

    def __call__(self, *args: Any, **options: Any) -> None:
        from facesmith.studio.server import studio

        studio(*args, **options)


sys.modules[__name__].__class__ = _Callable
