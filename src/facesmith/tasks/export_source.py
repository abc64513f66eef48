"""What is exported: a checkpoint of a run, and where it comes from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.runs.run_files import read_card, read_recipe
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.export import TERMS
from facesmith.tasks.recipes import from_table
from facesmith.training.settings import Recipe


@dataclass(frozen=True)
class Source:
    """A run, and the ``checkpoint`` of it that was chosen, which is called ``which``: "best", "last" or its kimg."""

    run: RunFolder
    recipe: Recipe
    where: dict[str, Any]  # what recipe.toml says of the dataset
    card: dict[str, Any]  # run.json
    which: str
    checkpoint: Path
    progress: dict[str, Any]  # what the checkpoint says of itself

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures that were learned from."""
        return int(self.where["width"]), int(self.where["height"])

    @property
    def terms(self) -> str:
        """For what may be used what was learned from that dataset."""
        return TERMS[self.card["dataset"]["source"]["kind"]]

    def trained(self) -> dict[str, Any]:
        """How it was trained, as the cards say it."""
        return {
            "recipe": self.recipe.name,
            "checkpoint": self.which,
            "score": self.progress.get("score"),
            "kimg": self.progress["kimg"],
            "step": self.progress["step"],
            "seconds": round(self.progress["seconds"], 1),
            "machine": self.card["machine"],
        }


def source(run: str | Path, wanted: str | None) -> Source:
    """Read a run and choose its checkpoint: "best", "last", a kimg, or by default the best where there are scores."""
    folder = RunFolder(Path(run))
    table, where = read_recipe(folder)
    recipe, card = from_table(table), read_card(folder)
    which, chosen = _choose(list_checkpoints(folder.checkpoints), folder.best, wanted)
    return Source(folder, recipe, where, card, which, chosen, read_metadata(chosen))


def _choose(stored: list[Path], best: Path, wanted: str | None) -> tuple[str, Path]:
    """The name and the file of the checkpoint to export."""
    run = best.parent
    if wanted == "best" and not best.exists():
        raise FacesmithError(f"{run} has no scores yet: train it longer, or export its last checkpoint instead")
    if wanted == "best" or (wanted is None and best.exists()):
        return "best", best
    if not stored:
        raise FacesmithError(f"{run} has no checkpoint yet: train it longer, then export it")
    if wanted in ("last", None):
        return "last", stored[-1]
    lengths = {f"{float(path.name.removesuffix('.safetensors')):g}": path for path in stored}
    try:
        kimg = f"{float(str(wanted)):g}"
        return kimg, lengths[kimg]
    except (KeyError, ValueError):
        choices = ", ".join(["best"] * best.exists() + ["last"])
        raise FacesmithError(
            f"{run} keeps no checkpoint {wanted!r}: choose {choices} or one of {', '.join(lengths)}"
        ) from None
