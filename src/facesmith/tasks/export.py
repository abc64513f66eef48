"""Export a run as a model folder: weights, an ONNX file with the same outputs, and a card."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.runs.run_data import read_card, read_recipe
from facesmith.runs.run_folder import RunFolder, utc_now
from facesmith.tasks.recipes import from_table
from facesmith.tasks.registry import exporter
from facesmith.terms import terms_of
from facesmith.training.settings import Recipe
from facesmith.version import __version__

if TYPE_CHECKING:
    from torch import nn


def export(
    run: str | Path,
    model: str | Path,
    *,
    checkpoint: str | None = None,
    name: str | None = None,
    half: bool = False,
    share: bool = False,
) -> Any:
    """Write the network that a run has trained as a new folder, and return it loaded.

    The run of a GAN or an encoder becomes a `Model`, that of a classifier an `AttributeClassifier`, that of a makeover
    a `Makeover`. The model of an encoder includes its generator's model.

    ``checkpoint`` is "best" (by the scores during training), "last", or the kimg of a stored checkpoint; by default
    the best if there are scores, else the last. ``name`` is the folder's by default. ``half`` stores the weights as
    float16, which halves the files; the arithmetic stays float32. With ``share``, the ONNX files read their weights
    from the safetensors files, which halves the folder; they must stay in it. Raises `FacesmithError` if the run lacks
    that checkpoint, the folder exists, a weight is too large for float16, or the ONNX file's output differs.
    """
    require("torch", "train", "exporting")
    require("safetensors.torch", "train", "exporting")
    source = open_source(run, checkpoint)
    exported = exporter(source.recipe.task)(source, Path(model), name, half)
    if share:
        from facesmith.models.network_files import share_weights

        folder = exported.folder
        for onnx, weights in ((folder.onnx, folder.weights), (folder.encoder_onnx, folder.encoder_weights)):
            if onnx.exists():
                share_weights(onnx, weights)
    return exported


@dataclass(frozen=True)
class Source:
    """A run and the chosen ``checkpoint``; ``checkpoint_name`` is "best", "last" or its kimg."""

    run: RunFolder
    recipe: Recipe
    trained_on: dict[str, Any]  # the dataset, as recipe.toml describes it
    card: dict[str, Any]  # run.json
    checkpoint_name: str
    checkpoint: Path
    progress: dict[str, Any]  # the metadata of the checkpoint

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the dataset's images."""
        return int(self.trained_on["width"]), int(self.trained_on["height"])

    def training_entry(self) -> dict[str, Any]:
        """Return the entry "trained" of a card."""
        return {
            "recipe": self.recipe.name,
            "checkpoint": self.checkpoint_name,
            "score": self.progress.get("score"),
            "kimg": self.progress["kimg"],
            "step": self.progress["step"],
            "seconds": round(self.progress["seconds"], 1),
            "machine": self.card["machine"],
        }

    def card_fields(self, net: "nn.Module", digest: str, half: bool) -> dict[str, Any]:
        """Return what the card of every exported network holds."""
        from facesmith.networks.build import count_parameters

        return {
            "parameters": count_parameters(net),
            "weights": "float16" if half else "float32",
            "digest": digest,
            "trained": self.training_entry(),
            "dataset": self.card["dataset"],
            "terms": terms_of(self.card),
            "facesmith": __version__,
            "created": utc_now(),
        }


def open_source(run: str | Path, wanted: str | None) -> Source:
    """Read a run and choose its checkpoint: "best", "last", a kimg, or by default the best if there are scores."""
    folder = RunFolder(Path(run))
    table, trained_on = read_recipe(folder)
    recipe, card = from_table(table, folder.recipe), read_card(folder)
    name, checkpoint = _choose(list_checkpoints(folder.checkpoints), folder.best, wanted)
    return Source(folder, recipe, trained_on, card, name, checkpoint, read_metadata(checkpoint))


def _choose(stored: list[Path], best: Path, wanted: str | None) -> tuple[str, Path]:
    """Return the name and the file of the checkpoint to export."""
    run = best.parent
    if wanted == "best" and not best.exists():
        raise FacesmithError(f"{run} has no scores yet: train it longer, or export its last checkpoint instead")
    if wanted == "best" or (wanted is None and best.exists()):
        return "best", best
    if not stored:
        raise FacesmithError(
            f"{run} has no checkpoint: train it until the first one is written, or restore {RunFolder(run).checkpoints}"
        )
    if wanted in ("last", None):
        return "last", stored[-1]
    lengths = {f"{float(path.stem):g}": path for path in stored}
    try:
        kimg = f"{float(str(wanted)):g}"
        return kimg, lengths[kimg]
    except (KeyError, ValueError):
        choices = ", ".join(["best"] * best.exists() + ["last"])
        raise FacesmithError(
            f"{run} has no checkpoint {wanted!r}: choose {choices} or one of {', '.join(lengths)}"
        ) from None
