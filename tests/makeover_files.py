"""Makeovers whose every pixel is known: real folders, whose ONNX file adds a colour by the strengths of the directions.

"lighter" adds 0.3 to all colours of a picture in [-1, 1], 38.25 grey levels, and "redder" adds as much to its red.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

COLOURS = {"lighter": (0.3, 0.3, 0.3), "redder": (0.3, 0.0, 0.0)}


def write_makeover(folder: Path, dataset: dict[str, Any], **changes: Any) -> Path:
    """The folder of a makeover of the dataset with this card; ``changes`` go into its card."""
    width, height = dataset["size"]
    shape: list[Any] = ["batch", 3, height, width]
    tensors = [
        numpy_helper.from_array(np.array(list(COLOURS.values()), np.float32), "colours"),
        numpy_helper.from_array(np.array([-1, 3, 1, 1], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node("MatMul", ["strengths", "colours"], ["sums"]),
        helper.make_node("Reshape", ["sums", "shape"], ["colour"]),
        helper.make_node("Add", ["pictures", "colour"], ["made"]),
    ]
    takes = [
        helper.make_tensor_value_info("pictures", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("strengths", TensorProto.FLOAT, ["batch", len(COLOURS)]),
    ]
    gives = [helper.make_tensor_value_info("made", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "makeover", takes, gives, tensors)
    folder.mkdir(parents=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "makeover.onnx")
    card = {
        "format": "facesmith-makeover",
        "version": 1,
        "name": folder.name,
        "kind": "masked",
        "directions": [{"name": name, "source": f"~{name}", "target": name} for name in COLOURS],
        "network": {"kind": "masked", "size": [width, height], "directions": len(COLOURS)},
        "parameters": 6,
        "size": [width, height],
        "digest": "0" * 64,
        "dataset": dataset,
        "terms": "non-commercial research only",
    }
    (folder / "makeover.json").write_text(json.dumps(card | changes))
    return folder
