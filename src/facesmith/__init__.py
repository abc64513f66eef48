"""Train, watch, edit and serve a face generator from a folder of photos.

    import facesmith

    faces = facesmith.import_dataset("builtin:8000", "drawn")
    run = facesmith.train("tiny", faces, "first-run", minutes=5)
    model = facesmith.export(run, "my-model")
    model.sample(16, seed=1)      # 16 x 64 x 64 x 3, uint8

`__init__.pyi` lists the public API, one name per line. Everything else may change between versions.
"""

import re
import warnings
from importlib import import_module
from pathlib import Path

from facesmith.errors import FacesmithError

# Public name -> module. A name is imported on first use: `import facesmith` is quick and serving needs no torch.
_HOMES = {
    name: module
    for module, name in re.findall(
        r"^from (\S+) import (\w+)", Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"), re.MULTILINE
    )
}
_ALIASES = {
    "Cut": "FaceCrop",
    "Judge": "AttributeClassifier",
    "Subject": "FaceLatent",
    "blended": "blend_face",
    "cut_faces": "crop_faces",
    "load_judge": "load_classifier",
    "of_faces": "has_aligned_faces",
    "shipped_makeovers": "included_makeovers",
    "shipped_models": "included_models",
    "subjects": "load_faces",
}  # names of version 0.1

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES and name in _ALIASES:
        warnings.warn(f"facesmith.{name} is now facesmith.{_ALIASES[name]}", DeprecationWarning, stacklevel=2)
        name = _ALIASES[name]
    if name not in _HOMES:
        raise AttributeError(f"module 'facesmith' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "facesmith").startswith("facesmith"):
            raise
        # Only the modules of training import packages of an extra at the top.
        raise FacesmithError(f"{name} requires {error.name}: pip install 'facesmith[train]'") from None


def __dir__() -> list[str]:
    return list(__all__)
