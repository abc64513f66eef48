"""Run → model folder: weights, an ONNX generator that agrees with them, and a card that says where they come from."""

import hashlib
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import new_folder, write_json, write_text
from facesmith.model import BLOCK, CARD, FORMAT, ONNX, VERSION, WEIGHTS, Model, load
from facesmith.model_card import model_card
from facesmith.reports.sheets import fit, save_image, sheet
from facesmith.version import __version__

PARITY = 1e-3  # the most by which ONNX Runtime may differ from torch, on pictures in [-1, 1]: an eighth of a grey level
SHOWN = 64  # pixels a face in samples.png, at most: the picture stays small beside the weights
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
) -> Model:
    """Write the generator of a run as a model folder and return it loaded.

    ``checkpoint`` is "best" (by the scores taken while it trained), "last", or the kimg of one that the run has kept;
    by default the best where there are scores, else the last. ``name`` defaults to the folder's. ``half`` rounds the
    weights to float16, which halves both files; the arithmetic stays float32. Raises `FacesmithError` for a run without
    that checkpoint, a folder that is taken, weights too large for float16, or an ONNX generator that does not agree
    with torch.
    """
    require("torch", "train", "exporting")
    safetensors = require("safetensors.torch", "train", "exporting")
    from facesmith.networks import families
    from facesmith.training import checkpoint as checkpoints
    from facesmith.training import runs

    source, target = runs.RunFolder(Path(run)), Path(model)
    recipe, trained_on = runs.read_recipe(source)
    run_card = runs.read_card(source)
    which, chosen = _choose(checkpoints.stored(source.checkpoints), source.best, checkpoint)
    progress = checkpoints.read_card(chosen)
    config = families.describe(recipe.family, (trained_on["width"], trained_on["height"]), recipe)
    network = families.as_card(recipe.family, config)
    net = families.from_card(network).eval()
    net.load_state_dict(checkpoints.generator_state(chosen))
    weights = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    if half:
        weights |= _round(net)
    with new_folder(target, "model") as folder:
        safetensors.save_file(weights, folder / WEIGHTS)
        (folder / WEIGHTS).chmod(0o644)  # safetensors keeps its files from everyone else
        _write_onnx(net, config.latent_size, half, folder / ONNX)
        card: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "name": name or target.resolve().name,
            "network": network,
            "latent": recipe.latent,
            "parameters": families.parameters(net),
            "weights": "float16" if half else "float32",
            "digest": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
            "trained": {
                "recipe": recipe.name,
                "checkpoint": which,
                "score": progress.get("score"),
                "kimg": progress["kimg"],
                "step": progress["step"],
                "seconds": round(progress["seconds"], 1),
                "machine": run_card["machine"],
            },
            "dataset": run_card["dataset"],
            "terms": TERMS[run_card["dataset"]["source"]["kind"]],
            "facesmith": __version__,
            "created": runs.now(),
        }
        write_json(folder / CARD, card)
        card["onnx_parity"] = _parity(folder, card["network"]["latent_size"])
        write_json(folder / CARD, card)
        write_text(folder / "README.md", model_card(card, recipe))
        faces = fit(load(folder).sample(64, seed=0), SHOWN, enlarge=False)
        save_image(sheet(faces, scale=max(1, SHOWN // config.size[0])), folder / "samples.png")
    return load(target)


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


def _round(net: Any) -> dict[str, Any]:
    """Round a network's parameters to what float16 holds, and return them as float16.

    Buffers, such as batch norm's running variances, stay as they are: few, and not bound to float16's range.
    """
    halves = {name: parameter.detach().half() for name, parameter in net.named_parameters()}
    for name, parameter in net.named_parameters():
        if not halves[name].isfinite().all():
            raise FacesmithError(f"the weights {name} are too large for half precision: export without it")
        parameter.data.copy_(halves[name])
    return halves


def _write_onnx(net: Any, latent_size: int, half: bool, path: Path) -> None:
    torch = require("torch", "train", "exporting")
    require("onnxscript", "train", "exporting")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes to its own developers
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            net,
            (torch.zeros(2, latent_size),),
            input_names=["z"],
            output_names=["pictures"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            # It folds batch norm into the convolutions before it, which makes weights that float16 does not hold.
            optimize=not half,
            verbose=False,
        )
    proto = program.model_proto
    # Where each node came from in the source: of no use to a reader, and it names folders of whoever exports.
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    if half:
        _halve(proto.graph)
    path.write_bytes(proto.SerializeToString())


def _halve(graph: Any) -> None:
    """Store every tensor that float16 holds exactly as float16, cast to float32 for the arithmetic.

    ONNX Runtime computes the casts once, while it loads the model.
    """
    onnx = require("onnx", "train", "exporting")
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if np.array_equal(halves, values):
            casts.append(onnx.helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=tensor.data_type))
            tensor.CopyFrom(onnx.numpy_helper.from_array(halves, f"{tensor.name}.half"))
    nodes = [*casts, *graph.node]  # a graph lists what makes a value before what takes it
    graph.ClearField("node")
    graph.node.extend(nodes)


def _parity(folder: Path, latent_size: int) -> float:
    """The largest difference between the two backends, refused where anyone could see it."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((BLOCK, latent_size), np.float32)
    a, b = (load(folder, backend)._backend(z) for backend in ("onnx", "torch"))
    worst = float(np.abs(a - b).max())
    if not worst < PARITY:
        raise FacesmithError(
            f"the ONNX generator differs from torch's by {worst:g}, more than {PARITY:g}: not exported"
        )
    return worst
