"""Write a network as two files: weights in safetensors, and an ONNX file that computes the same."""

import hashlib
import json
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
from facesmith.files import atomic_file

MAX_DIFFERENCE = 1e-3  # between ONNX Runtime and torch; on images in [-1, 1] it is an eighth of a grey level


def write_network(
    net: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], half: bool, weights: Path, onnx: Path
) -> str:
    """Write both files of a network and return the SHA-256 of the weights.

    ``inputs`` are example batches of one length by name, in the order of the network's arguments; the files accept any
    batch length. ``half`` rounds the weights to float16 values, in ``net`` too, which halves both files; computation
    stays in float32. Raises `FacesmithError` if the weights are too large for float16.
    """
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    if half:
        state |= _round(net)
    with atomic_file(weights) as file:
        save_file(state, file)
    write_onnx(net, inputs, outputs, half, onnx)
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def check_parity(name: str, onnx_outputs: Sequence[Any], torch_outputs: Sequence[Any]) -> float:
    """Return the largest difference between the outputs of both files. Raises `FacesmithError` if it is visible."""
    max_difference = max(float(np.abs(a - b).max()) for a, b in zip(onnx_outputs, torch_outputs, strict=True))
    if not max_difference < MAX_DIFFERENCE:
        raise FacesmithError(
            f"the ONNX {name} was not exported because it differs from the PyTorch {name} by {max_difference:g}, which "
            f"is more than {MAX_DIFFERENCE:g}: report this as a bug"
        )
    return max_difference


def write_onnx(net: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], half: bool, path: Path) -> None:
    """Write a network as an ONNX file. Set ``half`` if its weights are rounded to float16 values."""
    require("onnxscript", "train", "exporting")
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes for the exporter's developers
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            net,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            dynamo=True,
            # The optimizer folds batch norm into convolutions, which makes weights that float16 cannot represent.
            optimize=not half,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    # Source locations are useless to readers and name folders of the exporting machine.
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    if half:
        _store_as_float16(proto.graph)
    path.write_bytes(proto.SerializeToString())


def share_weights(onnx_path: Path, weights: Path) -> None:
    """Make an ONNX file read its tensors from a safetensors file in the same folder instead of holding a copy.

    Tensors whose bytes are not in the safetensors file stay in the ONNX file.
    """
    onnx = require("onnx", "train", "exporting")
    proto, data = onnx.load(onnx_path), weights.read_bytes()
    header_end = 8 + int.from_bytes(data[:8], "little")
    entries = [entry for name, entry in json.loads(data[8:header_end]).items() if name != "__metadata__"]
    ranges = [(header_end + entry["data_offsets"][0], header_end + entry["data_offsets"][1]) for entry in entries]
    offsets = {data[start:end]: start for start, end in ranges}
    for tensor in proto.graph.initializer:
        content = onnx.numpy_helper.to_array(tensor).tobytes()
        if content not in offsets:
            continue
        facts = {"location": weights.name, "offset": offsets[content], "length": len(content)}
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in facts.items():
            tensor.external_data.add(key=key, value=str(value))
    with atomic_file(onnx_path) as partial:
        partial.write_bytes(proto.SerializeToString())


def _round(net: nn.Module) -> dict[str, Tensor]:
    """Round a network's parameters to float16 values in place, and return them as float16.

    Buffers, such as the running variances of batch norm, stay float32: they are small and may exceed float16's range.
    """
    halves = {name: parameter.detach().half() for name, parameter in net.named_parameters()}
    for name, parameter in net.named_parameters():
        if not halves[name].isfinite().all():
            raise FacesmithError(f"the weights {name} exceed the range of half precision: export without --half")
        parameter.data.copy_(halves[name])
    return halves


def _store_as_float16(graph: Any) -> None:
    """Store every tensor of float16 values as float16, cast to float32 for computation.

    ONNX Runtime computes the casts once, when it loads the model.
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
    nodes = [*casts, *graph.node]  # nodes are in topological order
    graph.ClearField("node")
    graph.node.extend(nodes)
