import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import facesmith
from facesmith import Model
from facesmith.models.folder import INCLUDED_FOLDER
from facesmith.models.model import load
from facesmith.models.onnx_interface import finish_encoder, finish_generator, latent_parts
from facesmith.models.onnx_snippets import onnx_section

CONDITIONS = ["Smiling", "Eyeglasses"]


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def join_parts(proto: Any, total: int) -> None:
    """Undo the split of a generator's input: version 0.1 wrote one z with everything."""
    graph, names = proto.graph, {"row_shape", "batch_shape", "latents", "detail_rows"}
    nodes = [node for node in graph.node if not names & {*node.output}]
    for node in nodes:
        node.input[:] = ["z" if name == "latents" else name for name in node.input]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    graph.ClearField("node")
    graph.node.extend(copies)
    (one,) = (each for each in graph.initializer if each.name == "one")
    graph.initializer.remove(one)
    graph.ClearField("input")
    graph.input.append(onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["batch", total]))


@pytest.fixture
def old_model(tmp_path: Path) -> Model:
    """An included model with the single input of version 0.1."""
    folder = tmp_path / "old"
    shutil.copytree(INCLUDED_FOLDER / "drawn64", folder)
    model = load(folder)
    proto = onnx.load(model.folder.onnx)
    join_parts(proto, model.latent_size + model.detail_size)
    onnx.save(proto, model.folder.onnx)
    return load(folder)


def test_a_generator_of_version_0_1_makes_the_same_faces(old_model: Model) -> None:
    assert [each.name for each in session(old_model.folder.onnx).get_inputs()] == ["z"]
    new = facesmith.load("drawn64")
    z = new.encode(new.sample(3))
    assert np.array_equal(old_model.sample(17), new.sample(17))
    assert np.array_equal(old_model.generate(z), new.generate(z))


def test_each_part_of_a_latent_is_an_input(old_model: Model) -> None:
    """Two columns of the latents become attributes, as in a conditional model."""
    card = old_model.card | {"conditions": CONDITIONS}
    z_size, detail_size = old_model.latent_size - 2, old_model.detail_size
    latents = np.random.default_rng(0).standard_normal((5, z_size + 2)).astype(np.float32)
    latents[:, -2:] = [1, -1]
    expected = old_model.network(latents)
    finish_generator(old_model.folder.onnx, card)
    onnx.checker.check_model(onnx.load(old_model.folder.onnx))
    network = session(old_model.folder.onnx)
    sizes = {each.name: each.shape[1] for each in network.get_inputs()}
    assert sizes == {"z": z_size, "attributes": 2, "detail": detail_size}
    inputs = {"z": latents[:, :-2], "attributes": latents[:1, -2:], "detail": np.zeros((1, detail_size), np.float32)}
    assert np.array_equal(network.run(None, inputs)[0], expected), "one row of attributes is for the whole batch"
    inputs["attributes"] = np.array([[1, -1]] * 4 + [[0, 0]], np.float32)
    (pictures,) = network.run(None, inputs)
    assert np.array_equal(pictures[:4], expected[:4])
    assert not np.array_equal(pictures[4], expected[4])
    assert np.array_equal(load(old_model.path).network(latents), expected), "a batch of latents is split"
    metadata = json.loads(network.get_modelmeta().custom_metadata_map["inputs"])
    assert metadata["attributes"]["names"] == CONDITIONS
    assert metadata["attributes"]["neutral"] == metadata["detail"]["neutral"] == 0


@pytest.mark.parametrize("name", ["drawn64", "drawn128", "celeba64"])
def test_the_files_of_an_included_model_fit_together(name: str) -> None:
    model = facesmith.load(name, quiet=True)
    generator, encoder = session(model.folder.onnx), session(model.folder.encoder_onnx)
    parts = latent_parts(model.card)
    assert {each.name: each.shape[1] for each in generator.get_inputs()} == parts
    assert {each.name: each.shape[1] for each in encoder.get_outputs()} == parts
    pictures = np.ascontiguousarray(model.sample(16).transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
    outputs = dict(zip(parts, encoder.run(list(parts), {"pictures": pictures}), strict=True))
    latents = model.encode(model.sample(16))
    assert np.allclose(np.concatenate(list(outputs.values()), 1), latents, atol=1e-5)
    assert np.allclose(generator.run(None, outputs)[0], model.network(latents), atol=1e-4)


@pytest.mark.parametrize("name", ["drawn64", "drawn128", "celeba64"])
def test_an_onnx_file_states_its_interface_terms_and_digest(name: str) -> None:
    model = facesmith.load(name, quiet=True)
    generator = session(model.folder.onnx).get_modelmeta().custom_metadata_map
    encoder = session(model.folder.encoder_onnx).get_modelmeta().custom_metadata_map
    assert (generator["digest"], generator["terms"]) == (model.digest, model.card["terms"])
    assert encoder["digest"] == model.card["encoder"]["digest"]
    inputs, outputs = json.loads(generator["inputs"]), json.loads(generator["outputs"])
    assert inputs["z"] == {"size": model.latent_size - len(model.conditions), "values": "standard normal"}
    assert (outputs["pictures"]["width"], outputs["pictures"]["height"]) == model.size
    assert json.loads(encoder["outputs"]) == inputs


@pytest.mark.parametrize("latent", ["normal", "uniform"])
def test_the_python_snippet_of_the_readme_draws_faces(latent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = facesmith.load("drawn64")
    text = "\n".join(onnx_section(model.card | {"latent": latent}))
    if latent == model.card["latent"]:
        assert text in model.folder.read_readme()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    monkeypatch.chdir(model.path)
    names: dict[str, Any] = {}
    exec(code[1], names)
    assert names["faces"].shape == (4, 64, 64, 3)
    assert names["faces"].std() > 20
    assert np.abs(names["inputs"]["z"]).max() <= 1 or latent == "normal"


def test_finishing_a_file_twice_changes_nothing(tmp_path: Path) -> None:
    model = facesmith.load("drawn64")
    folder = shutil.copytree(model.path, tmp_path / "model")  # a file may read its weights from its neighbour
    for file, finish in ((model.folder.onnx, finish_generator), (model.folder.encoder_onnx, finish_encoder)):
        copy = folder / file.name
        finish(copy, model.card)
        finish(copy, model.card)
        assert onnx.load(copy).graph == onnx.load(file).graph
