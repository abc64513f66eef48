"""Named inputs and outputs of exported ONNX files, and the metadata that describe them.

A latent has up to three parts, each an input of a generator and an output of an encoder: ``z``, ``attributes`` (of a
conditional model) and ``detail`` (the residual latent of photos). ``attributes`` and ``detail`` may have one row for
the whole batch, and a row of zeros is neutral. They are required inputs, because the JavaScript runtimes cannot
override the default of an optional one.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facesmith.extras import require
from facesmith.version import __version__

PICTURES = "RGB in [-1, 1], N x 3 x height x width"


def latent_parts(card: Mapping[str, Any]) -> dict[str, int]:
    """Return the parts of a model's latents in their order, with the size of each."""
    conditions = len(card.get("conditions", []))
    sizes = {
        "z": card["network"]["latent_size"] - conditions,
        "attributes": conditions,
        "detail": card.get("encoder", {}).get("detail_size", 0),
    }
    return {name: size for name, size in sizes.items() if size}


def describe_parts(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the size, values and neutral value of each part of a model's latents."""
    uniform = card["latent"] == "uniform"
    facts: dict[str, dict[str, Any]] = {
        "z": {"values": "uniform in [-1, 1]" if uniform else "standard normal"},
        "attributes": {
            "names": card.get("conditions"),
            "values": "1 with the attribute, -1 without it, 0 unspecified",
            "neutral": 0,
        },
        "detail": {"values": "the residual latent that the encoder returns", "neutral": 0},
    }
    return {name: {"size": size} | facts[name] for name, size in latent_parts(card).items()}


def describe_file(path: Path, card: Mapping[str, Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """Write inputs, outputs, terms, credit and digest of a network with this card into its ONNX file."""
    with _rewritten(path) as (_, proto):
        _describe(proto, card, inputs, outputs)


def finish_generator(path: Path, card: Mapping[str, Any]) -> None:
    """Give a generator's ONNX file an input for each part of a latent, and describe them."""
    parts = latent_parts(card)
    with _rewritten(path) as (onnx, proto):
        if len(parts) > 1 and len(proto.graph.input) == 1:
            _split_input(onnx, proto.graph, parts)
        _describe(proto, card, describe_parts(card), _describe_pictures(card))


def finish_encoder(path: Path, card: Mapping[str, Any]) -> None:
    """Give an encoder's ONNX file an output for each part of a latent, and describe them."""
    parts = latent_parts(card)
    with _rewritten(path) as (onnx, proto):
        if len(parts) > 1 and len(proto.graph.output) == 1:
            _split_output(onnx, proto.graph, parts)
        _describe(proto, card["encoder"], _describe_pictures(card), describe_parts(card))


def _describe_pictures(card: Mapping[str, Any]) -> dict[str, Any]:
    size = dict(zip(("width", "height"), card["network"]["size"], strict=True))
    return {"pictures": {"values": PICTURES} | size}


@contextmanager
def _rewritten(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the package onnx and the content of an ONNX file, which is written back."""
    onnx = require("onnx", "train", "exporting")
    proto = onnx.load(path)
    yield onnx, proto
    path.write_bytes(proto.SerializeToString())


def _split_input(onnx: Any, graph: Any, parts: Mapping[str, int]) -> None:
    """Replace the input z by one for each part, which are concatenated to what the first layers read."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    for node in graph.node:
        node.input[:] = ["latents" if name == "z" else name for name in node.input]
    rows, columns, values = list[Any](), list[str](), list[Any]()
    for name, size in parts.items():
        if name == "z":
            values.append(helper.make_tensor_value_info(name, float32, ["batch", size]))
            columns.append(name)
            continue
        values.append(helper.make_tensor_value_info(name, float32, [f"{name}_batch", size]))
        rows.append(helper.make_node("Expand", [name, "row_shape"], [f"{name}_rows"]))
        columns.append(f"{name}_rows")
    shape = [
        helper.make_node("Shape", ["z"], ["batch_shape"], start=0, end=1),
        helper.make_node("Concat", ["batch_shape", "one"], ["row_shape"], axis=0),
    ]
    graph.initializer.append(helper.make_tensor("one", onnx.TensorProto.INT64, [1], [1]))
    nodes = [*shape, *rows, helper.make_node("Concat", columns, ["latents"], axis=1), *graph.node]
    graph.ClearField("node")
    graph.node.extend(nodes)
    graph.ClearField("input")
    graph.input.extend(values)


def _split_output(onnx: Any, graph: Any, parts: Mapping[str, int]) -> None:
    """Replace the output z by one for each part."""
    helper = onnx.helper
    for node in graph.node:
        node.output[:] = ["latents" if name == "z" else name for name in node.output]
        node.input[:] = ["latents" if name == "z" else name for name in node.input]
    graph.initializer.append(helper.make_tensor("part_sizes", onnx.TensorProto.INT64, [len(parts)], [*parts.values()]))
    graph.node.append(helper.make_node("Split", ["latents", "part_sizes"], list(parts), axis=1))
    graph.ClearField("output")
    graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", size]) for name, size in parts.items()
    )


def _describe(proto: Any, card: Mapping[str, Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    facts = {
        "facesmith": __version__,
        "digest": card["digest"],
        "terms": card["terms"],
        "credit": card["dataset"]["source"].get("credit") or "",
        "inputs": json.dumps(inputs),
        "outputs": json.dumps(outputs),
    }
    proto.ClearField("metadata_props")
    for key, value in facts.items():
        proto.metadata_props.add(key=key, value=value)
