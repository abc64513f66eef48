import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset
from facesmith.models.folder import (
    DEFAULT_MODEL,
    INCLUDED_FOLDER,
    included_classifiers,
    included_makeovers,
    included_models,
)
from facesmith.terms import SOURCE_TERMS

ROOT = Path(__file__).parents[2]
FILES = {"model.json", "generator.safetensors", "generator.onnx", "README.md", "LICENSE.txt", "samples.png"}
EDITING = {"encoder.safetensors", "encoder.onnx", "directions.safetensors"}
LARGEST = 16_000_000  # bytes of an included model


@pytest.fixture
def shipped(small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped models for the real ones, both `small_model`, one of them as if trained on CelebA."""
    folder = tmp_path / "shipped"
    for name, kind in ((DEFAULT_MODEL, "builtin"), ("celeba64", "celeba")):
        shutil.copytree(small_model.path, folder / name)
        card = json.loads((folder / name / "model.json").read_text()) | {"name": name, "terms": SOURCE_TERMS[kind]}
        card["dataset"]["source"]["kind"] = kind
        (folder / name / "model.json").write_text(json.dumps(card))
    monkeypatch.setattr("facesmith.models.folder.INCLUDED_FOLDER", folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_face_depends_on_seed_and_index_not_on_the_batch(small_model: Model) -> None:
    whole = small_model.sample(40, seed=7)
    assert whole.shape == (40, 32, 32, 3)
    assert whole.dtype == np.uint8
    for start, count in ((0, 1), (0, 16), (5, 3), (15, 2), (16, 16), (33, 7)):
        assert np.array_equal(small_model.sample(count, seed=7, start=start), whole[start : start + count])
    assert not np.array_equal(small_model.sample(40, seed=8), whole)
    assert len({face.tobytes() for face in whole}) == 40


def test_all_backends_make_the_same_faces(small_model: Model) -> None:
    torch_model = facesmith.load(small_model.path, backend="torch")
    difference = np.abs(torch_model.sample(32).astype(int) - small_model.sample(32))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001
    openvino_model = facesmith.load(small_model.path, backend="openvino", threads=1)
    with ThreadPoolExecutor(4) as pool:  # the studio's workers share a model
        sheets = list(pool.map(lambda seed: openvino_model.sample(32, seed), [0, 1, 0, 1]))
    assert np.abs(sheets[0].astype(int) - small_model.sample(32)).mean() < 1  # bfloat16 on some processors
    assert np.array_equal(sheets[0], sheets[2])
    assert np.array_equal(sheets[1], sheets[3])
    assert not np.array_equal(sheets[0], sheets[1])


def test_openvino_reports_nothing_to_its_makers(small_model: Model) -> None:
    code = f"""
import facesmith, socket, sys
def refuse(*args): raise SystemExit("a connection")
socket.socket.connect = socket.getaddrinfo = refuse
facesmith.load({str(small_model.path)!r}, backend="openvino").sample(1)
sys.exit(any(name.startswith("openvino_telemetry.") for name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_generate_returns_arrays_or_pil_images_of_latents(small_model: Model) -> None:
    z = small_model.latents(3, seed=2)
    assert z.shape == (3, small_model.latent_size)
    assert np.array_equal(small_model.generate(z), small_model.sample(3, seed=2))
    assert np.array_equal(small_model.generate(z[0]), small_model.sample(1, seed=2))
    pictures = small_model.sample(2, pil=True)
    assert isinstance(pictures[0], Image.Image)
    assert pictures[0].size == small_model.size == (32, 32)


def test_truncation_draws_faces_together(small_model: Model) -> None:
    spread = [small_model.sample(32, truncation=psi).astype(float).std(0).mean() for psi in (0.0, 0.5, 1.0)]
    assert spread[0] == 0
    assert spread[0] < spread[1] < spread[2]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m: m.sample(-1), "invalid count -1"),
        (lambda m: m.sample(1, seed=-1), "invalid seed -1"),
        (lambda m: m.sample(1, truncation=float("nan")), "truncation"),
        (lambda m: m.generate(np.zeros((2, 5))), r"shape \(N, 64\)"),
        (lambda m: m.generate(np.full((1, 64), np.nan)), "finite"),
    ],
)
def test_an_invalid_request_is_refused(small_model: Model, call: object, sentence: str) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        call(small_model)  # type: ignore[operator]


def test_no_faces_are_no_faces(small_model: Model) -> None:
    assert small_model.sample(0).shape == (0, 32, 32, 3)


def test_an_invalid_model_folder_is_refused(small_model: Model, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="does not exist"):
        facesmith.load(tmp_path / "nothing")
    with pytest.raises(FacesmithError, match=r"no model\.json"):
        facesmith.load(tmp_path)
    with pytest.raises(FacesmithError, match="onnx.*torch"):
        facesmith.load(small_model.path, backend="jax")
    copy = tmp_path / "copy"
    shutil.copytree(small_model.path, copy)
    (copy / "generator.onnx").write_bytes(b"not a network")
    with pytest.raises(FacesmithError, match="export the model again"):
        facesmith.load(copy)
    (copy / "generator.safetensors").write_bytes(b"not weights")
    with pytest.raises(FacesmithError, match="export the model again"):
        facesmith.load(copy, backend="torch")
    card = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(card | {"version": 99}))
    with pytest.raises(FacesmithError, match="version 99"):
        facesmith.load(copy)


def test_a_model_is_loaded_from_the_hub(small_model: Model, hub: Any) -> None:
    hub.files["someone/faces"] = {path.name: path.read_bytes() for path in small_model.path.iterdir()}
    loaded = facesmith.load("someone/faces")
    assert loaded.digest == small_model.digest
    assert np.array_equal(loaded.sample(3), small_model.sample(3))
    assert not any("samples.png" in asked for asked in hub.asked), "only what is needed is fetched"


def test_a_missing_model_is_refused(hub: Any) -> None:
    with pytest.raises(FacesmithError, match="no model folder someone/nothing.*not found on the hub"):
        facesmith.load("someone/nothing")


def test_an_included_model_is_loaded_by_name(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert facesmith.load().path == facesmith.load(DEFAULT_MODEL).path == shipped / DEFAULT_MODEL
    assert capsys.readouterr().err == "", "a model free to use needs no word"
    assert facesmith.load("celeba64").sample(1).shape == (1, 32, 32, 3)
    said = capsys.readouterr()
    assert said.err == "celeba64 was trained on CelebA: non-commercial research only\n"
    assert said.out == ""
    facesmith.load("celeba64", quiet=True)
    assert capsys.readouterr().err == ""


def test_a_local_model_takes_precedence_over_an_included_one(shipped: Path) -> None:
    Path("celeba64").mkdir()
    (Path("celeba64") / "dataset.json").write_text("{}")
    assert facesmith.load("celeba64", quiet=True).path == shipped / "celeba64"
    shutil.rmtree("celeba64")
    shutil.copytree(shipped / DEFAULT_MODEL, "celeba64")
    assert facesmith.load("celeba64").path == Path("celeba64")


def test_an_unknown_model_name_lists_the_available_ones(shipped: Path) -> None:
    with pytest.raises(
        FacesmithError, match=rf"celebra64 is not a model folder.*included one \({DEFAULT_MODEL}, celeba64\)"
    ):
        facesmith.load("celebra64")
    (shipped.parent / "elsewhere").mkdir()
    with pytest.raises(FacesmithError, match="not a model folder"):
        facesmith.load("../shipped/elsewhere")


def test_included_models_have_distinct_one_line_summaries(shipped: Path) -> None:
    told = included_models()
    assert list(told) == [DEFAULT_MODEL, "celeba64"]
    assert told["celeba64"].startswith("32x32 faces trained on 256 images from builtin")
    assert told["celeba64"].endswith("non-commercial research only")
    assert "non-commercial" not in told[DEFAULT_MODEL]


def test_loading_a_model_writes_no_telemetry(small_model: Model, tmp_path: Path) -> None:
    """ONNX Runtime keeps what it is about to send home under the user's cache folder."""
    code = f"import facesmith; facesmith.load({str(small_model.path)!r}).sample(2)"
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)  # set by whatever loaded a model before, in this process
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_every_included_model_is_complete_and_works() -> None:
    names = set(included_models())
    assert {"drawn64", "celeba64"} <= names
    assert {path.name for path in INCLUDED_FOLDER.iterdir() if path.is_dir()} - {"__pycache__"} == names | set(
        included_makeovers()
    ) | set(included_classifiers())
    for name in names:
        files = {path.name: path.read_bytes() for path in (INCLUDED_FOLDER / name).iterdir()}
        assert set(files) == FILES | EDITING
        assert sum(map(len, files.values())) < LARGEST
        model = facesmith.load(INCLUDED_FOLDER / name)
        card = model.card
        assert (model.name, card["weights"]) == (name, "float16")
        assert model.digest == hashlib.sha256(files["generator.safetensors"]).hexdigest()
        assert card["terms"] == SOURCE_TERMS[card["dataset"]["source"]["kind"]]
        assert card["dataset"]["count"] > 0
        assert card["dataset"]["source"]["credit"] in files["README.md"].decode()
        assert {"kid", "fid"} <= set(card["scores"][0])
        faces = model.sample(16)
        assert len({face.tobytes() for face in faces}) == 16
        again = facesmith.load(INCLUDED_FOLDER / name, backend="torch").sample(16)
        assert np.abs(again.astype(int) - faces).max() <= 1
        assert {"Smiling", "Eyeglasses", "Blond_Hair"} <= set(model.directions.names)
        error, swapped = (
            np.abs(model.generate(model.encode(faces)).astype(int) - to).mean() for to in (faces, faces[::-1])
        )
        assert error < swapped / 2, "its encoder knows the faces that it makes"
    kind = facesmith.load(DEFAULT_MODEL, quiet=True).card["dataset"]["source"]["kind"]
    assert kind == "builtin", "whoever names no model gets one that is free to use"


@pytest.fixture
def projecting(small_model: Model, tmp_path: Path) -> Model:
    """`small_model` with an encoder that takes 64 pixels of the upper left of the red channel for a latent."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    shutil.copytree(small_model.path, tmp_path / "projecting")
    starts, ends, axes = (
        onnx.numpy_helper.from_array(np.array(values), name)
        for name, values in (("starts", [0, 0, 0]), ("ends", [1, 2, 32]), ("axes", [1, 2, 3]))
    )
    nodes = [helper.make_node("Slice", ["pictures", "starts", "ends", "axes"], ["part"]),
             helper.make_node("Flatten", ["part"], ["z"])]  # fmt: skip
    graph = helper.make_graph(
        nodes, "encoder", [helper.make_tensor_value_info("pictures", kind, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("z", kind, ["n", 64])], [starts, ends, axes],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(made, tmp_path / "projecting" / "encoder.onnx")
    card = small_model.card | {"encoder": {"network": {}, "digest": "projecting"}}
    (tmp_path / "projecting" / "model.json").write_text(json.dumps(card))
    return facesmith.load(tmp_path / "projecting")


def test_encode_scales_images_and_keeps_their_order(projecting: Model) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (37, 32, 32, 3), np.uint8)
    z = projecting.encode(pictures)
    assert z.dtype == np.float32
    assert np.allclose(z, pictures[:, :2, :, 0].reshape(37, 64) / 127.5 - 1, atol=1e-6)
    assert np.array_equal(projecting.encode(pictures[20]), z[20:21])
    assert projecting.encode(pictures[:0]).shape == (0, 64)


def test_invalid_input_for_encode_is_refused(projecting: Model, small_model: Model) -> None:
    with pytest.raises(FacesmithError, match="has no encoder"):
        small_model.encode(np.zeros((1, 32, 32, 3), np.uint8))
    shapes: tuple[Any, ...] = (
        np.zeros((1, 64, 64, 3), np.uint8),
        np.zeros((1, 32, 32, 3), np.float32),
        np.zeros((32, 32), np.uint8),
    )
    for images in shapes:
        with pytest.raises(FacesmithError, match=r"expected uint8 of shape \(N, 32, 32, 3\)"):
            projecting.encode(images)
    with pytest.raises(FacesmithError, match="no attribute directions"):
        _ = small_model.directions


@pytest.fixture(scope="module")
def conditional_model(labelled: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("conditional")
    settings = ("generator_width=4", "discriminator_width=4", "batch_size=8", "threads=1", "latent_size=8",
                f"attributes={','.join(labelled.attributes[:2])}")  # fmt: skip
    run = facesmith.train("portrait", labelled, folder / "run", settings=settings, kimg=0.08, quiet=True)
    return facesmith.export(run, folder / "model")  # type: ignore[no-any-return]


def test_faces_have_the_attributes_that_are_asked_for(conditional_model: Model, tmp_path: Path) -> None:
    model, (first, second) = conditional_model, conditional_model.conditions
    assert model.latents(3, seed=1)[:, 8:].tolist() == [[0, 0]] * 3, "attributes are left open"
    z = model.condition(model.latents(3, seed=1), [f"~{second}"])
    assert z[:, 8:].tolist() == [[0, -1]] * 3
    faces = model.sample(3, seed=1, truncation=0.7, attributes=[first])
    scaled = model.condition(model.latents(3, seed=1) * np.float32(0.7), [first])
    assert np.array_equal(faces, model.generate(scaled))
    assert not np.array_equal(faces, model.sample(3, seed=1, truncation=0.7))
    folder = facesmith.generate(model, tmp_path / "faces", count=2, attributes=[first, f"~{second}"], quiet=True)
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [row["with"] for row in rows] == [[first, f"~{second}"]] * 2


@pytest.mark.parametrize("attributes", [["Sad"], ["{0}", "~{0}"]])
def test_attributes_that_cannot_be_asked_for_are_refused(conditional_model: Model, attributes: list[str]) -> None:
    names = [text.format(conditional_model.conditions[0]) for text in attributes]
    with pytest.raises(FacesmithError, match=names[0]):
        conditional_model.sample(1, attributes=names)


def test_a_model_without_conditions_takes_no_attributes(small_model: Model) -> None:
    with pytest.raises(FacesmithError, match="does not take attributes as input"):
        small_model.sample(1, attributes=["Smiling"])
