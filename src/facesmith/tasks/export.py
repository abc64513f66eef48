"""Export a run as a model folder: weights, an ONNX file with the same outputs, and a card."""

from pathlib import Path
from typing import Any

from facesmith.extras import require
from facesmith.tasks.registry import exporter


def export(
    run: str | Path,
    model: str | Path,
    *,
    checkpoint: str | None = None,
    name: str | None = None,
    half: bool = False,
) -> Any:
    """Write the network that a run has trained as a new folder, and return it loaded.

    The run of a GAN or an encoder becomes a `Model`, that of a classifier an `AttributeClassifier`, that of a makeover
    a `Makeover`. The model of an encoder has everything its generator's model has.

    ``checkpoint`` is "best" (by the scores during training), "last", or the kimg of a stored checkpoint; by default
    the best if there are scores, else the last. ``name`` is the folder's by default. ``half`` stores the weights as
    float16, which halves the files; the arithmetic stays float32. Raises `FacesmithError` if the run lacks that
    checkpoint, the folder exists, a weight is too large for float16, or the ONNX file's output differs.
    """
    require("torch", "train", "exporting")
    require("safetensors.torch", "train", "exporting")
    from facesmith.tasks.export_source import source

    chosen = source(run, checkpoint)
    return exporter(chosen.recipe.task)(chosen, Path(model), name, half)
