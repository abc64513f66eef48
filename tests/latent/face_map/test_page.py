"""Test the page in a real browser, from the first view to a file of labels."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.data.importer import import_dataset
from facesmith.latent.face_map.build import map_faces
from facesmith.latent.face_map.page import map_page
from facesmith.models.model import Model

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

NAMES = {3: 'say "cheese", now.png', 5: "<script>alert(1)</script>.png"}


@pytest.fixture(scope="module")
def photos(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 150 photos with labels.csv; two have file names that need escaping in CSV, JSON and HTML."""
    folder = tmp_path_factory.mktemp("photos") / "photos"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["file", "Dark", "Odd"])
        for row in range(150):
            name, picture = NAMES.get(row, f"{row:03d}.png").replace("/", "_"), builtin_dataset.images[row]
            Image.fromarray(picture).save(folder / name)
            lines.writerow([name, int(picture.mean() < 150), row % 2 if row % 10 else ""])
    return folder


@pytest.fixture(scope="module")
def page_file(model_with_encoder: Model, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    dataset = import_dataset(photos, folder / "dataset", size=32, quiet=True)
    return (
        map_faces(model_with_encoder, dataset, folder / "map", methods=["pca"], photos=["seed:7"], quiet=True)
        / "map.html"
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Any]:
    """Yield the open page; check that it logs nothing and makes no requests."""
    context = browser.new_context(viewport={"width": 1100, "height": 700}, reduced_motion="reduce")
    view = context.new_page()
    events: list[str] = []
    view.on("console", lambda message: events.append(message.text))
    view.on("pageerror", lambda error: events.append(str(error)))
    view.on("request", lambda request: events.extend([request.url] * (not request.url.startswith("data:"))))
    view.goto(page_file.as_uri())
    view.locator("#status", has_text="in view").wait_for()
    yield view
    context.close()
    assert events == [page_file.as_uri()]


def counts(page: Any) -> tuple[int, int]:
    """Return the numbers of points in view, and of points drawn as faces, that the page shows."""
    page.wait_for_timeout(300)
    visible, _, _, _, _, faces, *_ = page.text_content("#status").replace(",", "").split()
    return int(visible), int(faces)


def select_all_with_lasso(page: Any) -> None:
    page.click("#lasso")
    page.mouse.move(3, 3)
    page.mouse.down()
    for x, y in ((740, 3), (740, 695), (3, 695)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def save_labels(page: Any, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(folder / "labels.csv")
    return folder / "labels.csv"


def test_zooming_in_shows_fewer_points_and_more_as_faces(page: Any) -> None:
    visible, faces = counts(page)
    assert visible == 151
    assert 1 < faces < 151
    page.mouse.move(400, 350)
    for _ in range(3):
        page.mouse.wheel(0, -300)
    zoomed_visible, zoomed_faces = counts(page)
    assert zoomed_visible < visible
    assert zoomed_faces / zoomed_visible > faces / visible
    page.click("#show-all")
    assert counts(page) == (visible, faces)


@pytest.mark.parametrize("shape", ["3D", "Sphere"])
def test_dragging_rotates_a_map_in_3d(page: Any, shape: str) -> None:
    page.click(f"#shapes >> text={shape}")
    counts(page)
    initial = page.locator("#map").screenshot()
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(420, 330, steps=4)
    page.mouse.up()
    assert page.locator("#map").screenshot() != initial


def test_the_legend_counts_present_absent_and_unknown(page: Any) -> None:
    page.select_option("#colour", "a:Odd")
    assert page.locator("#legend li").all_text_contents() == ["Odd (75)", "not Odd (60)", "unknown (15)"]
    page.select_option("#colour", "")
    assert page.locator("#legend").is_hidden()


def test_search_finds_a_file_and_shows_its_neighbours(page: Any, page_file: Path) -> None:
    with np.load(page_file.parent / "coordinates.npz") as file:
        neighbours = file["latents_neighbours"]
    files = open_dataset(page_file.parent.parent / "dataset").metadata()["file"].to_pylist()
    page.fill("#search", "cheese")
    page.press("#search", "Enter")
    row = files.index(NAMES[3])
    assert page.text_content("#face-file") == f"{NAMES[3]}, row {row}"
    buttons = page.locator("#near button")
    indices = [int(face) for face in buttons.evaluate_all("items => items.map((item) => item.dataset.face)")]
    assert indices == neighbours[row].tolist()
    buttons.first.click()
    assert page.text_content("#face-file").startswith(files[indices[0]])
    page.wait_for_timeout(50)  # the map moves the face to the middle
    page.mouse.click(*middle(page))
    assert page.text_content("#face-file").startswith(files[indices[0]])
    page.fill("#search", "script")
    assert page.locator("#matches button").count() == 1


def middle(page: Any) -> tuple[float, float]:
    box = page.locator("#map").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_labels_of_a_region_are_saved_imported_and_loaded(page: Any, photos: Path, tmp_path: Path) -> None:
    select_all_with_lasso(page)
    assert page.text_content("#region-count") == "150 faces", "the placed photo cannot be labelled"
    page.fill("#label-name", "On, the map")
    page.click('#label-form button[value="0"]')
    page.keyboard.press("Escape")
    page.focus("#map")
    page.keyboard.press("Escape")
    page.fill("#search", "cheese")
    page.press("#search", "Enter")
    page.click("#near-region")
    assert page.text_content("#region-count") == "13 faces"
    page.fill("#label-name", "On, the map")
    page.click("#label-form button >> nth=0")
    assert "13 with, 137 without" in page.text_content("#labels")
    page.fill("#label-name", "path")
    page.click("#label-form button >> nth=0")
    assert "cannot be a label" in page.text_content("#message")
    label_file = save_labels(page, tmp_path)
    imported = import_dataset(photos, tmp_path / "imported", size=32, labels=label_file, quiet=True)
    assert imported.attributes == ["On, the map"]
    assert imported.labels().sum() == 13
    assert imported.metadata()["On, the map"].null_count == 0
    page.click("#labels >> text=Remove")
    assert page.locator("#labels li").count() == 0
    page.set_input_files("#load", label_file)
    page.locator("#labels li").wait_for()
    assert "13 with, 137 without" in page.text_content("#labels")
    page.click("#undo")
    assert page.locator("#labels li").count() == 0


def test_unlabelled_faces_are_unknown_unless_the_box_is_ticked(page: Any, tmp_path: Path) -> None:
    page.focus("#map")
    page.keyboard.press("Enter")
    page.click("#near-region")
    page.fill("#label-name", "few")
    page.press("#label-name", "Enter")
    (heading, *rows) = csv.reader(save_labels(page, tmp_path).read_text().splitlines())
    assert heading == ["row", "file", "few"]
    assert {row[2] for row in rows} == {"1"}
    page.check("#others-without")
    (_, *rows) = csv.reader(save_labels(page, tmp_path).read_text().splitlines())
    assert len(rows) == 150
    assert {row[2] for row in rows} == {"0", "1"}


def test_a_region_lists_attributes_that_differ(page: Any, photos: Path) -> None:
    page.set_input_files("#load", photos / "labels.csv")
    page.locator("#labels li", has_text="Dark").locator("text=Show").click()
    rows = page.locator("#region-table tbody tr").all_inner_texts()
    assert [row.split("\t") for row in rows] == [["Dark", "100 %", "0 %"]], "the difference in Odd is not significant"
    page.click("#region-clear")
    select_all_with_lasso(page)
    assert page.locator("#region-table tbody tr").count() == 1
    assert "No attribute differs" in page.text_content("#region-table tbody")


def test_the_page_fits_a_phone(browser: Any, page_file: Path) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    view = context.new_page()
    view.goto(page_file.as_uri())
    view.locator("#status", has_text="in view").wait_for()
    assert view.evaluate("document.documentElement.scrollWidth") <= 360
    view.tap("#map")
    context.close()


def test_file_names_cannot_end_the_data_element() -> None:
    html = map_page("A & B </title>", {"files": ["</script><b>", "@SCRIPT@"]})
    data = html.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert json.loads(data) == {"files": ["</script><b>", "@SCRIPT@"]}
    assert "<title>A &amp; B &lt;/title&gt;</title>" in html
