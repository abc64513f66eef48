"""The studio: pages and an HTTP API for models and runs. `facesmith.serve` starts it."""

import sys
import warnings
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    """This package. Version 0.1 named the function of `facesmith.serve` ``facesmith.studio``; the call still works."""

    def __call__(self, *args: Any, **options: Any) -> None:
        from facesmith.studio.server import serve

        warnings.warn("facesmith.studio() is now facesmith.serve()", DeprecationWarning, stacklevel=2)
        serve(*args, **options)


sys.modules[__name__].__class__ = _CallableModule
