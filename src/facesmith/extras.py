"""Optional dependencies: imported where they are used, and reported in one sentence where they are missing."""

from importlib import import_module
from typing import Any

from facesmith.errors import FacesmithError


def require(module: str, extra: str, purpose: str) -> Any:
    """Import ``module``, or raise `FacesmithError` naming the extra of facesmith that brings it.

    ``purpose`` opens the sentence: "training" gives "training needs torch: pip install 'facesmith[train]'".
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and something it imports is not: that traceback is the useful one
        raise FacesmithError(f"{purpose} requires {package}: pip install 'facesmith[{extra}]'") from None
