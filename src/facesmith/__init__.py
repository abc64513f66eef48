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
    from facesmith.data.dataset import Dataset, open_dataset
    from facesmith.data.importer import import_dataset
    from facesmith.demo import demo
    from facesmith.doctor import checkup
    from facesmith.images.annotate import show_faces
    from facesmith.images.blend import blended
    from facesmith.images.crop_faces import Cut, cut_faces, of_faces
    from facesmith.images.find_faces import Face, find_faces, read_photo
    from facesmith.latent.arithmetic import analogy_grid, latent_path
    from facesmith.latent.describe import describe
    from facesmith.latent.direction_fit import fit_directions
    from facesmith.latent.directions import Directions
    from facesmith.latent.edit import edit
    from facesmith.latent.encode import encode, reconstruct
    from facesmith.latent.face_map.build import map_faces
    from facesmith.latent.face_refs import Subject, subjects
    from facesmith.latent.neighbours import nearest_faces, neighbours
    from facesmith.latent.paths import analogy, interpolate, sweep
    from facesmith.latent.refine import refine
    from facesmith.latent.style_mix import style_mix
    from facesmith.metrics.evaluate import evaluate
    from facesmith.metrics.scores import Scores
    from facesmith.models.classifier import Judge, load_judge
    from facesmith.models.generate import generate
    from facesmith.models.included import included_makeovers, included_models
    from facesmith.models.makeover import Makeover, load_makeover
    from facesmith.models.model import Model, load
    from facesmith.reports.compare import compare
    from facesmith.reports.explore import explore
    from facesmith.reports.run_report import report
    from facesmith.runs.run_reader import Run, open_run
    from facesmith.runs.status import RunStatus
    from facesmith.studio.server import studio
    from facesmith.tasks.classifier.label_dataset import label
    from facesmith.tasks.export import export
    from facesmith.tasks.makeover.apply import make_over
    from facesmith.tasks.recipes import RECIPES, Recipe, recipe_settings
    from facesmith.training.loop import train

__all__ = [
    "RECIPES",
    "Cut",
    "Dataset",
    "Directions",
    "Face",
    "FacesmithError",
    "Judge",
    "Makeover",
    "Model",
    "Recipe",
    "Run",
    "RunStatus",
    "Scores",
    "Subject",
    "__version__",
    "analogy",
    "analogy_grid",
    "blended",
    "checkup",
    "compare",
    "cut_faces",
    "demo",
    "describe",
    "edit",
    "encode",
    "evaluate",
    "explore",
    "export",
    "find_faces",
    "fit_directions",
    "generate",
    "import_dataset",
    "included_makeovers",
    "included_models",
    "interpolate",
    "label",
    "latent_path",
    "load",
    "load_judge",
    "load_makeover",
    "make_over",
    "map_faces",
    "nearest_faces",
    "neighbours",
    "of_faces",
    "open_dataset",
    "open_run",
    "read_photo",
    "recipe_settings",
    "reconstruct",
    "refine",
    "report",
    "show_faces",
    "studio",
    "style_mix",
    "subjects",
    "sweep",
    "train",
]

# Where each name lives. They are imported when first asked for: `import facesmith` costs nothing, and serving a model
# needs no torch.
_HOMES = {
    "RECIPES": "tasks.recipes",
    "Cut": "images.crop_faces",
    "Dataset": "data.dataset",
    "Directions": "latent.directions",
    "Face": "images.find_faces",
    "Judge": "models.classifier",
    "Makeover": "models.makeover",
    "Model": "models.model",
    "Recipe": "tasks.recipes",
    "Run": "runs.run_reader",
    "RunStatus": "runs.status",
    "Scores": "metrics.scores",
    "Subject": "latent.face_refs",
    "analogy": "latent.paths",
    "analogy_grid": "latent.arithmetic",
    "blended": "images.blend",
    "checkup": "doctor",
    "compare": "reports.compare",
    "cut_faces": "images.crop_faces",
    "demo": "demo",
    "describe": "latent.describe",
    "edit": "latent.edit",
    "encode": "latent.encode",
    "evaluate": "metrics.evaluate",
    "explore": "reports.explore",
    "export": "tasks.export",
    "find_faces": "images.find_faces",
    "fit_directions": "latent.direction_fit",
    "generate": "models.generate",
    "import_dataset": "data.importer",
    "interpolate": "latent.paths",
    "label": "tasks.classifier.label_dataset",
    "latent_path": "latent.arithmetic",
    "load": "models.model",
    "load_judge": "models.classifier",
    "load_makeover": "models.makeover",
    "make_over": "tasks.makeover.apply",
    "map_faces": "latent.face_map.build",
    "nearest_faces": "latent.neighbours",
    "neighbours": "latent.neighbours",
    "of_faces": "images.crop_faces",
    "open_dataset": "data.dataset",
    "open_run": "runs.run_reader",
    "read_photo": "images.find_faces",
    "recipe_settings": "tasks.recipes",
    "reconstruct": "latent.encode",
    "refine": "latent.refine",
    "report": "reports.run_report",
    "included_makeovers": "models.included",
    "included_models": "models.included",
    "show_faces": "images.annotate",
    "studio": "studio.server",
    "style_mix": "latent.style_mix",
    "subjects": "latent.face_refs",
    "sweep": "latent.paths",
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
