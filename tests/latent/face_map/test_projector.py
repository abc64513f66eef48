import io
import json
import logging
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from facesmith.images.decode import read_marks
from facesmith.images.provenance import GENERATED, Marks
from facesmith.latent.face_map.projector import write_projector


@pytest.fixture
def address(small_map: Path) -> str:
    """TensorBoard itself, on loopback, with the projector alone."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from tensorboard import program
    from tensorboard.plugins.core.core_plugin import CorePluginLoader
    from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin

    board = program.TensorBoard(plugins=[CorePluginLoader(), ProjectorPlugin])
    board.configure(logdir=str(small_map), host="127.0.0.1", port=0, load_fast="false", reload_interval=0)
    return str(board.launch())


def fetch(address: str, path: str) -> bytes:
    with urlopen(f"{address}data/plugin/projector/{path}", timeout=20) as answer:
        return bytes(answer.read())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's own imports
def test_tensorboard_reads_the_projector_files(address: str, small_map: Path) -> None:
    (run,) = json.loads(fetch(address, "runs"))
    (tensor,) = json.loads(fetch(address, f"info?run={run}"))["embeddings"]
    assert tensor["tensorName"] == "latents"
    with np.load(small_map / "coordinates.npz") as file:
        expected = file["latents"]
    assert tensor["tensorShape"] == list(expected.shape)
    received = np.frombuffer(fetch(address, f"tensor?run={run}&name=latents"), "<f4").reshape(expected.shape)
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-6)
    heading, *rows = fetch(address, f"metadata?run={run}&name=latents").decode().splitlines()
    assert heading.split("\t")[:2] == ["row", "file"]
    assert len(rows) == len(expected)
    assert all(len(row.split("\t")) == len(heading.split("\t")) for row in rows)
    with Image.open(io.BytesIO(fetch(address, f"sprite_image?run={run}&name=latents"))) as sprite:
        assert sprite.format == "PNG"
        width, height = tensor["sprite"]["singleImageDim"]
        columns = sprite.width // width
        assert columns * (sprite.height // height) >= len(expected)


def test_cells_hold_no_tabs_and_the_sprite_has_marks(tmp_path: Path) -> None:
    marks = Marks(GENERATED, "m", "ab", "any use")
    write_projector(
        tmp_path,
        {"latents": np.zeros((2, 3), np.float32)},
        {"row": ["0", "1"], "file": ["a\tb\nc.png", ""]},
        np.zeros((2, 8, 8, 3), np.uint8),
        marks,
    )
    assert read_marks(str(tmp_path / "projector" / "sprite.png")) == marks
    assert (tmp_path / "projector" / "metadata.tsv").read_text() == "row\tfile\n0\ta b c.png\n1\t-\n"
