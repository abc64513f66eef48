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
    from facesmith.judge import Judge, load_judge
    from facesmith.labelling import label
    from facesmith.latent.arithmetic import analogy_grid, latent_path
    from facesmith.latent.describing import describe
    from facesmith.latent.directions import Directions
    from facesmith.latent.editing import edit
    from facesmith.latent.fitting import fit_directions
    from facesmith.latent.mixing import style_mix
    from facesmith.latent.moving import analogy, interpolate, sweep
    from facesmith.latent.neighbours import nearest_faces, neighbours
    from facesmith.latent.reconstructing import encode, reconstruct
    from facesmith.latent.refining import refine
    from facesmith.latent.subjects import Subject, subjects
    from facesmith.makeover import Makeover, load_makeover
    from facesmith.makeovers.blending import blended
    from facesmith.makeovers.making import make_over
    from facesmith.mapping.making import map_faces
    from facesmith.metrics.evaluate import evaluate
    from facesmith.metrics.scores import Scores
    from facesmith.model import Model, load
    from facesmith.photos.cutting import Cut, cut_faces, of_faces
    from facesmith.photos.finding import Face, find_faces, read_photo
    from facesmith.photos.showing import show_faces
    from facesmith.reports.following import Run, open_run
    from facesmith.reports.run_report import report
    from facesmith.reports.run_status import RunStatus
    from facesmith.shipped import shipped_makeovers, shipped_models
    from facesmith.studio.serving import studio
    from facesmith.training.loop import train
    from facesmith.training.recipes import RECIPES, Recipe, recipe_settings

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
    "shipped_makeovers",
    "shipped_models",
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
    "RECIPES": "training.recipes",
    "Cut": "photos.cutting",
    "Dataset": "datasets.dataset",
    "Directions": "latent.directions",
    "Face": "photos.finding",
    "Judge": "judge",
    "Makeover": "makeover",
    "Model": "model",
    "Recipe": "training.recipes",
    "Run": "reports.following",
    "RunStatus": "reports.run_status",
    "Scores": "metrics.scores",
    "Subject": "latent.subjects",
    "analogy": "latent.moving",
    "analogy_grid": "latent.arithmetic",
    "blended": "makeovers.blending",
    "checkup": "doctor",
    "compare": "comparing",
    "cut_faces": "photos.cutting",
    "demo": "demonstration",
    "describe": "latent.describing",
    "edit": "latent.editing",
    "encode": "latent.reconstructing",
    "evaluate": "metrics.evaluate",
    "explore": "datasets.explore",
    "export": "exporting",
    "find_faces": "photos.finding",
    "fit_directions": "latent.fitting",
    "generate": "generating",
    "import_dataset": "datasets.importing",
    "interpolate": "latent.moving",
    "label": "labelling",
    "latent_path": "latent.arithmetic",
    "load": "model",
    "load_judge": "judge",
    "load_makeover": "makeover",
    "make_over": "makeovers.making",
    "map_faces": "mapping.making",
    "nearest_faces": "latent.neighbours",
    "neighbours": "latent.neighbours",
    "of_faces": "photos.cutting",
    "open_dataset": "datasets.dataset",
    "open_run": "reports.following",
    "read_photo": "photos.finding",
    "recipe_settings": "training.recipes",
    "reconstruct": "latent.reconstructing",
    "refine": "latent.refining",
    "report": "reports.run_report",
    "shipped_makeovers": "shipped",
    "shipped_models": "shipped",
    "show_faces": "photos.showing",
    "studio": "studio.serving",
    "style_mix": "latent.mixing",
    "subjects": "latent.subjects",
    "sweep": "latent.moving",
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
