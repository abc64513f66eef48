"""Optional dependencies: imported where they are used, and reported in one sentence where they are missing."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, cast

from facesmith.errors import FacesmithError, MissingPackageError

# What can compute models, with the extra that installs the package of that name. ONNX Runtime is always installed.
BACKENDS = {"onnx": None, "openvino": "openvino", "torch": "train"}


def check_backend(backend: str) -> None:
    """Raise `FacesmithError` for an unknown backend, or one that is not installed."""
    if backend not in BACKENDS:
        *others, last = BACKENDS
        raise FacesmithError(f"invalid backend {backend!r}: expected {', '.join(others)} or {last}")
    if extra := BACKENDS[backend]:
        require(backend, extra, f"the {backend} backend")


def require(module: str, extra: str, purpose: str) -> Any:
    """Import ``module``, or raise `MissingPackageError` naming the extra of facesmith that installs it.

    ``purpose`` opens the sentence: "training" gives "training requires torch: pip install 'facesmith[train]'".
    """
    if module == "openvino":
        # It reports every import to Google, from a forked process, unless this module is missing.
        sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and something it imports is not: that traceback is the useful one
        raise MissingPackageError(f"{purpose} requires {package}: pip install 'facesmith[{extra}]'") from None
