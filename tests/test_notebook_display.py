"""How objects show themselves in notebooks."""

import base64
import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import progress
from facesmith.latent.faces import FaceLatent
from facesmith.metrics.scores import Scores
from facesmith.tasks.notebook_view import NotebookView


def images_of(html: str) -> list[Image.Image]:
    contents = re.findall(r"data:image/png;base64,([\w+/=]+)", html)
    return [Image.open(io.BytesIO(base64.b64decode(content))) for content in contents]


def test_objects_show_their_facts_and_images(
    small_model: facesmith.Model, builtin_dataset: facesmith.Dataset, small_run: Path
) -> None:
    run = facesmith.open_run(small_run)
    for item, fact, count in (
        (small_model, f"{small_model.card['parameters']:,}", 1),
        (builtin_dataset, f"{len(builtin_dataset):,}, 32 x 32 pixels", 1),
        (run, run.status.sentence, 2),  # the newest sheet and the losses
    ):
        html = item._repr_html_()
        assert fact in html
        assert len(images_of(html)) == count


def test_names_are_escaped() -> None:
    protocol = dict.fromkeys(("features", "weights", "resize", "dataset_name", "split", "crop", "crop_resize"), "<b>")
    numbers = dict.fromkeys(("width", "count", "seed", "truncation", "dataset_count", "kid_subsets"), 1)
    numbers |= dict.fromkeys(("kid_subset_size", "neighbours"), 1)
    scores = Scores(1, 0.002, 0.1, 0.5, 0.5, 0.9, {**protocol, **numbers, "size": [4, 4], "dataset": "<b>"})
    assert "2.00 ± 100.00" in scores._repr_html_()
    assert "<b>" not in scores._repr_html_()


def test_a_face_is_its_image_or_its_latent() -> None:
    red = np.full((4, 6, 3), (255, 0, 0), np.uint8)
    latent = np.linspace(-2, 2, 32, dtype=np.float32)
    with Image.open(io.BytesIO(FaceLatent("a", latent, red)._repr_png_())) as picture:
        assert picture.getpixel((picture.width // 2, picture.height // 2)) == (255, 0, 0)
    with Image.open(io.BytesIO(FaceLatent("a", latent)._repr_png_())) as picture:
        pixels = np.asarray(picture)
        assert pixels[3, 3, 0] < pixels[-4, -4, 0]


def test_sheets_are_made_of_arrays_and_pil_images() -> None:
    faces = np.zeros((20, 64, 64, 3), np.uint8)
    faces[5] = 200
    sheet = facesmith.face_sheet(faces)
    assert sheet.width <= 1100
    assert sheet.tobytes() == facesmith.face_sheet([Image.fromarray(face) for face in faces]).tobytes()
    assert facesmith.face_sheet(faces[0]).size == (132, 132)  # one face, enlarged to 128 pixels
    with pytest.raises(ValueError, match="expected uint8 images"):
        facesmith.face_sheet(np.zeros((2, 64, 64), np.uint8))


def test_the_view_of_a_run_is_updated_in_place(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    handle = SimpleNamespace(update=shown.append)

    def show(html: str, display_id: bool) -> SimpleNamespace:
        shown.append(html)
        return handle

    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=show))
    view = NotebookView(small_run)
    view.refresh()
    view.refresh()  # too early
    assert len(shown) == 1
    view.refresh(force=True)
    assert len(shown) == 2
    assert "finished" in shown[1]


@pytest.mark.parametrize("in_notebook", [True, False])
def test_messages_are_output_of_the_cell(
    in_notebook: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = SimpleNamespace(kernel=None) if in_notebook else SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    progress.tell("done")
    assert capsys.readouterr() == (("done\n", "") if in_notebook else ("", "done\n"))
