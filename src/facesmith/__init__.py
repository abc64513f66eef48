"""From a folder of face photos to a face generator you can watch, trust and steer.

    import facesmith

    faces = facesmith.import_dataset("builtin:8000", "drawn")
    run = facesmith.train("tiny", faces, "first-run", minutes=5)
    model = facesmith.export(run, "my-model")
    model.sample(16, seed=1)      # 16 x 64 x 64 x 3, uint8

`__all__` is the promise: what is in it stays, what is not may move.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from facesmith.errors import FacesmithError
from facesmith.version import __version__

if TYPE_CHECKING:
    from facesmith.comparing import compare
    from facesmith.datasets.dataset import Dataset, open_dataset
    from facesmith.datasets.explore import explore
    from facesmith.datasets.importing import import_dataset
    from facesmith.demonstration import demo
    from facesmith.doctor import checkup
    from facesmith.exporting import export
    from facesmith.generating import generate
    from facesmith.metrics.evaluate import evaluate
    from facesmith.metrics.scores import Scores
    from facesmith.model import Model, load
    from facesmith.reports.run_report import report
    from facesmith.shipped import shipped_models
    from facesmith.training.loop import train
    from facesmith.training.recipes import RECIPES, Recipe, recipe_settings

__all__ = [
    "RECIPES",
    "Dataset",
    "FacesmithError",
    "Model",
    "Recipe",
    "Scores",
    "__version__",
    "checkup",
    "compare",
    "demo",
    "evaluate",
    "explore",
    "export",
    "generate",
    "import_dataset",
    "load",
    "open_dataset",
    "recipe_settings",
    "report",
    "shipped_models",
    "train",
]

# Where each name lives. They are imported when first asked for: `import facesmith` costs nothing, and serving a model
# needs no torch.
_HOMES = {
    "RECIPES": "training.recipes",
    "Dataset": "datasets.dataset",
    "Model": "model",
    "Recipe": "training.recipes",
    "Scores": "metrics.scores",
    "checkup": "doctor",
    "compare": "comparing",
    "demo": "demonstration",
    "evaluate": "metrics.evaluate",
    "explore": "datasets.explore",
    "export": "exporting",
    "generate": "generating",
    "import_dataset": "datasets.importing",
    "load": "model",
    "open_dataset": "datasets.dataset",
    "recipe_settings": "training.recipes",
    "report": "reports.run_report",
    "shipped_models": "shipped",
    "train": "training.loop",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'facesmith' has no attribute {name!r}")
    try:
        return getattr(import_module(f"facesmith.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "facesmith").startswith("facesmith"):
            raise
        # Only training imports an extra's packages at its top; everything else asks for them where it needs them.
        raise FacesmithError(f"{name} needs {error.name}: pip install 'facesmith[train]'") from None


def __dir__() -> list[str]:
    return sorted(__all__)
