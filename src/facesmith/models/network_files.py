"""A network as files: weights in safetensors, and an ONNX file that computes the same."""

import hashlib
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from facesmith.errors import FacesmithError
from facesmith.extras import require

PARITY = 1e-3  # the most by which ONNX Runtime may differ from torch: of pictures in [-1, 1], an eighth of a grey level


def write_network(
    net: nn.Module, takes: Mapping[str, Tensor], gives: Sequence[str], half: bool, weights: Path, onnx: Path
) -> str:
    """Write both files of a network; returns the weights' SHA-256.

    It takes batches like those of ``takes``, by name and in their order, all of one length, whichever it is. ``half``
    rounds the weights to float16, which halves both files; the arithmetic stays float32. Raises `FacesmithError`
    where they are too large for it.
    """
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    if half:
        state |= _round(net)
    save_file(state, weights)
    weights.chmod(0o644)  # safetensors keeps its files from everyone else
    write_onnx(net, takes, gives, half, onnx)
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def agree(what: str, by_onnx: Sequence[Any], by_torch: Sequence[Any]) -> float:
    """The largest difference between what both files of a network compute, refused where anyone could see it."""
    worst = max(float(np.abs(a - b).max()) for a, b in zip(by_onnx, by_torch, strict=True))
    if not worst < PARITY:
        raise FacesmithError(f"the ONNX {what} differs from torch's by {worst:g}, more than {PARITY:g}: not exported")
    return worst


def _round(net: nn.Module) -> dict[str, Tensor]:
    """Round a network's parameters to what float16 holds, and return them as float16.

    Buffers, such as batch norm's running variances, stay as they are: few, and not bound to float16's range.
    """
    halves = {name: parameter.detach().half() for name, parameter in net.named_parameters()}
    for name, parameter in net.named_parameters():
        if not halves[name].isfinite().all():
            raise FacesmithError(f"the weights {name} are too large for half precision: export without it")
        parameter.data.copy_(halves[name])
    return halves


def write_onnx(net: nn.Module, takes: Mapping[str, Tensor], gives: Sequence[str], half: bool, path: Path) -> None:
    """Write a network as an ONNX file; ``half`` says that its weights are rounded to what float16 holds."""
    require("onnxscript", "train", "exporting")
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes to its own developers
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            net,
            tuple(takes.values()),
            input_names=list(takes),
            output_names=list(gives),
            dynamic_shapes=tuple({0: batch} for _ in takes),
            dynamo=True,
            # It folds batch norm into the convolutions before it, which makes weights that float16 does not hold.
            optimize=not half,
            verbose=False,
        )
    assert program is not None
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
