"""The page in a real browser: what a person does on it, from the first look to a file of labels."""

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
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to look at the page with")

NAMES = {3: 'say "cheese", now.png', 5: "<script>alert(1)</script>.png"}


@pytest.fixture(scope="module")
def photos(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 pictures with labels beside them, two of them with names that try to break out of wherever they stand."""
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
def page_file(seeing_model: Model, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    dataset = import_dataset(photos, folder / "dataset", size=32, quiet=True)
    return map_faces(seeing_model, dataset, folder / "map", methods=["pca"], photos=["seed:7"], quiet=True) / "map.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Any]:
    """The page, opened; at the end nothing may have been said on the console, and nothing asked of anyone."""
    context = browser.new_context(viewport={"width": 1100, "height": 700}, reduced_motion="reduce")
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("console", lambda message: troubles.append(message.text))
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("request", lambda request: troubles.extend([request.url] * (not request.url.startswith("data:"))))
    opened.goto(page_file.as_uri())
    opened.locator("#status", has_text="in view").wait_for()
    yield opened
    context.close()
    assert troubles == [page_file.as_uri()]


def counts(page: Any) -> tuple[int, int]:
    """How many points are in view, and how many of them as faces, as the page says."""
    page.wait_for_timeout(300)
    words = page.text_content("#status").replace(",", "").split()
    return int(words[0]), int(words[5])


def circle_all(page: Any) -> None:
    page.click("#lasso")
    page.mouse.move(3, 3)
    page.mouse.down()
    for x, y in ((740, 3), (740, 695), (3, 695)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def saved(page: Any, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(folder / "labels.csv")
    return folder / "labels.csv"


def test_closer_there_are_fewer_people_and_more_of_them_as_faces(page: Any) -> None:
    seen, faces = counts(page)
    assert seen == 151
    assert 1 < faces < 151
    page.mouse.move(400, 350)
    for _ in range(3):
        page.mouse.wheel(0, -300)
    near, shown = counts(page)
    assert near < seen
    assert shown / near > faces / seen
    page.click("#whole")
    assert counts(page) == (seen, faces)


@pytest.mark.parametrize("shape", ["3D", "Sphere"])
def test_in_space_it_turns(page: Any, shape: str) -> None:
    page.click(f"#shapes >> text={shape}")
    counts(page)
    before = page.locator("#map").screenshot()
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(420, 330, steps=4)
    page.mouse.up()
    assert page.locator("#map").screenshot() != before


def test_colours_say_with_without_and_unknown(page: Any) -> None:
    page.select_option("#colour", "a:Odd")
    assert page.locator("#legend li").all_text_contents() == ["Odd (75)", "not Odd (60)", "unknown (15)"]
    page.select_option("#colour", "")
    assert page.locator("#legend").is_hidden()


def test_a_face_is_found_by_name_and_shows_its_nearest(page: Any, page_file: Path) -> None:
    with np.load(page_file.parent / "coordinates.npz") as file:
        near = file["latents_neighbours"]
    files = open_dataset(page_file.parent.parent / "dataset").metadata()["file"].to_pylist()
    page.fill("#search", "cheese")
    page.press("#search", "Enter")
    row = files.index(NAMES[3])
    assert page.text_content("#face-file") == f"{NAMES[3]}, row {row}"
    shown = [int(face) for face in page.locator("#near button").evaluate_all("all => all.map(one => one.dataset.face)")]
    assert shown == near[row].tolist()
    page.locator("#near button").first.click()
    assert page.text_content("#face-file").startswith(files[shown[0]])
    page.wait_for_timeout(50)  # the map brought it into the middle
    page.mouse.click(*middle(page))
    assert page.text_content("#face-file").startswith(files[shown[0]])
    page.fill("#search", "script")
    assert page.locator("#found button").count() == 1


def middle(page: Any) -> tuple[float, float]:
    box = page.locator("#map").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_region_is_labelled_saved_imported_and_loaded_again(page: Any, photos: Path, tmp_path: Path) -> None:
    circle_all(page)
    assert page.text_content("#region-count") == "150 faces", "the photo is a guest and takes no label"
    page.fill("#label-name", "On, the map")
    page.click("#label-form >> text=Has it not")
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
    assert "cannot be a label" in page.text_content("#told")
    made = saved(page, tmp_path)
    again = import_dataset(photos, tmp_path / "again", size=32, labels=made, quiet=True)
    assert again.attributes == ["On, the map"]
    assert again.labels().sum() == 13
    assert again.metadata()["On, the map"].null_count == 0
    page.click("#labels >> text=Remove")
    assert page.locator("#labels li").count() == 0
    page.set_input_files("#load", made)
    page.locator("#labels li").wait_for()
    assert "13 with, 137 without" in page.text_content("#labels")
    page.click("#undo")
    assert page.locator("#labels li").count() == 0


def test_labels_of_some_leave_the_others_unknown_until_told(page: Any, tmp_path: Path) -> None:
    page.focus("#map")
    page.keyboard.press("Enter")
    page.click("#near-region")
    page.fill("#label-name", "few")
    page.press("#label-name", "Enter")
    (heading, *rows) = csv.reader(saved(page, tmp_path).read_text().splitlines())
    assert heading == ["row", "file", "few"]
    assert {row[2] for row in rows} == {"1"}
    page.check("#others")
    (_, *rows) = csv.reader(saved(page, tmp_path).read_text().splitlines())
    assert len(rows) == 150
    assert {row[2] for row in rows} == {"0", "1"}


def test_what_sets_a_region_apart_is_said(page: Any, photos: Path) -> None:
    page.set_input_files("#load", photos / "labels.csv")
    page.locator("#labels li", has_text="Dark").locator("text=Show").click()
    rows = page.locator("#region-table tbody tr").all_inner_texts()
    assert [row.split("\t") for row in rows] == [["Dark", "100 %", "0 %"]], "Odd differs by no more than chance gives"
    page.click("#region-clear")
    circle_all(page)
    assert page.locator("#region-table tbody tr").count() == 1
    assert "No attribute differs" in page.text_content("#region-table tbody")


def test_it_fits_a_telephone(browser: Any, page_file: Path) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    opened = context.new_page()
    opened.goto(page_file.as_uri())
    opened.locator("#status", has_text="in view").wait_for()
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    opened.tap("#map")
    context.close()


def test_no_name_can_end_the_element_that_holds_the_data() -> None:
    made = map_page("A & B </title>", {"files": ["</script><b>", "@SCRIPT@"]})
    data = made.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert json.loads(data) == {"files": ["</script><b>", "@SCRIPT@"]}
    assert "<title>A &amp; B &lt;/title&gt;</title>" in made
