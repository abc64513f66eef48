"""Run → model folder: weights, ONNX files that agree with them, and a card that says where they come from."""

from pathlib import Path
from typing import Any

from facesmith.extras import require
from facesmith.tasks.registry import exporter

TERMS = {  # of a model, by the kind of source its dataset was made from
    "celeba": "non-commercial research only",
    "builtin": "any use, with credit to the artist",
    "folder": "its maker's",
    "hub": "its dataset's, on the hub",
}


def export(
    run: str | Path,
    model: str | Path,
    *,
    checkpoint: str | None = None,
    name: str | None = None,
    half: bool = False,
) -> Any:
    """Write what a run has trained as a new folder and return it loaded.

    The run of a game becomes a `Model`. The run of an encoder becomes a `Model` too: that of its generator, and the
    encoder. The run of a judge becomes a `AttributeClassifier`, that of a makeover a `Makeover`.

    ``checkpoint`` is "best" (by the scores taken while it trained), "last", or the kimg of one that the run has kept;
    by default the best where there are scores, else the last. ``name`` defaults to the folder's. ``half`` rounds the
    weights to float16, which halves the files; the arithmetic stays float32. Raises `FacesmithError` for a run without
    that checkpoint, a folder that is taken, weights too large for float16, or an ONNX file that does not agree with
    torch.
    """
    require("torch", "train", "exporting")
    require("safetensors.torch", "train", "exporting")
    from facesmith.tasks.export_source import source

    chosen = source(run, checkpoint)
    return exporter(chosen.recipe.task)(chosen, Path(model), name, half)
