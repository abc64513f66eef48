"""The section of a model's README.md on its ONNX file: inputs, and snippets for three runtimes."""

from collections.abc import Mapping
from string import Template
from typing import Any

from facesmith.models.onnx_interface import PICTURES, describe_parts

ONNX_HEADING = "ONNX"
# Code that draws one value of z, by language and distribution.
_DRAWS = {
    "standard normal": {
        "python": "rng.standard_normal((4, $size), np.float32)",
        "javascript": "Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())",
        "csharp": "(float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * "
        "Math.Cos(2 * Math.PI * random.NextDouble()))",
    },
    "uniform in [-1, 1]": {
        "python": "rng.random((4, $size), np.float32) * 2 - 1",
        "javascript": "2 * Math.random() - 1",
        "csharp": "(float)(2 * random.NextDouble() - 1)",
    },
}
# A neutral part of a latent, by language.
_ZEROS = {
    "python": '    "$name": np.zeros((1, $size), np.float32),',
    "javascript": "  $name: new ort.Tensor('float32', new Float32Array($size), [1, $size]),",
    "csharp": '    NamedOnnxValue.CreateFromTensor("$name", new DenseTensor<float>(new[] { 1, $size })),',
}
_CODE = {
    "python": """import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("generator.onnx")
rng = np.random.default_rng()
inputs = {
    "z": $draw,$zeros
}
(pictures,) = session.run(["pictures"], inputs)
faces = ((pictures.transpose(0, 2, 3, 1) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)""",
    "javascript": """import * as ort from 'onnxruntime-web'; // in Node: import ort from 'onnxruntime-node'

const session = await ort.InferenceSession.create('generator.onnx');
const draw = () => $draw;
const { pictures } = await session.run({
  z: new ort.Tensor('float32', Float32Array.from({ length: $size }, draw), [1, $size]),$zeros
});
const [r, g, b] = [0, 1, 2].map((i) => pictures.data.slice(i * $area, (i + 1) * $area));""",
    "csharp": """// dotnet add package Microsoft.ML.OnnxRuntime
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

using var session = new InferenceSession("generator.onnx");
var random = new Random();
var z = new DenseTensor<float>(new[] { 1, $size });
for (var i = 0; i < $size; i++)
    z[0, i] = $draw;
using var results = session.Run(new[]
{
    NamedOnnxValue.CreateFromTensor("z", z),$zeros
});
var pictures = results.First().AsTensor<float>();""",
}


def onnx_section(card: Mapping[str, Any]) -> list[str]:
    """Describe the inputs and the output of generator.onnx, with code for Python, JavaScript and C#."""
    parts, (width, height) = describe_parts(card), card["network"]["size"]
    lines = ["| input of `generator.onnx` | shape, float32 | values | neutral |", "|---|---|---|---|"]
    for name, facts in parts.items():
        values = facts["values"] + (f"; columns: {', '.join(facts['names'])}" if facts.get("names") else "")
        rows, neutral = ("N", "") if name == "z" else ("1 or N", "zeros")
        lines.append(f"| `{name}` | {rows} x {facts['size']} | {values} | {neutral} |")
    lines += ["", f"The output `pictures` is {PICTURES} ({width}x{height} in this model)."]
    size = parts["z"]["size"]
    for language, code in _CODE.items():
        draw = Template(_DRAWS[parts["z"]["values"]][language]).substitute(size=size)
        zeros = Template(_ZEROS[language])
        rest = "".join(f"\n{zeros.substitute(name=name, **facts)}" for name, facts in parts.items() if name != "z")
        text = Template(code).substitute(draw=draw, zeros=rest, size=size, area=width * height)
        lines += ["", f"```{language}", *text.splitlines(), "```"]
    return lines
