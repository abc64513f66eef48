"""Runs, datasets and maps in a real browser: what a person sees of a training while it goes on, and after."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facesmith import Dataset
from facesmith.files import read_json, write_json
from facesmith.training.runs import append_line

Visit = Callable[..., Any]
MAP = """<!doctype html><title>map</title><p id="said"></p><script>
  let cookies = "cookies";
  try { document.cookie } catch { cookies = "no cookies" }
  document.getElementById("said").textContent = `ran, ${self.origin}, ${cookies}`;
</script>"""


@pytest.fixture(scope="module")
def place(small_run: Path, builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs ``going``, which says that it is being trained, and ``done``; the dataset ``faces``; a map."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("going", "done"):
        shutil.copytree(small_run, folder / name, ignore=shutil.ignore_patterns("tensorboard", "checkpoints"))
    card = read_json(folder / "going" / "run.json", "card")
    write_json(folder / "going" / "run.json", card | {"status": "running", "ended": None, "goal": {"kimg": 3.2}})
    recipe = folder / "done" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("seed = 0", "seed = 5"))
    for step in range(20, 60, 10):
        _measure(folder / "going", step)
    shutil.copytree(builtin_dataset.path, folder / "faces")
    (folder / "map").mkdir()
    write_json(folder / "map" / "map.json", {
        "dataset": {"name": "friends", "source": {"credit": "taken by us"}}, "model": {"name": "mine"}, "judge": None,
        "count": 100, "of": 200, "photos": [], "methods": {"pca": "1"}, "attributes": [], "created": "2026-01-01",
    })  # fmt: skip
    (folder / "map" / "map.html").write_text(MAP)
    return folder


def _measure(run: Path, step: int, loss: float = 1.0, watch: str = "healthy") -> None:
    accuracies = {"accuracy_real": 0.7, "accuracy_fake": 0.8}
    line: dict[str, float | str] = {"step": step, "kimg": step * 0.032, "loss_D": loss, "loss_G": 2.0, "watch": watch}
    append_line(run / "metrics.jsonl", line | accuracies)
    append_line(
        run / "timing.jsonl", {"step": step, "kimg": step * 0.032, "seconds": step / 2, "images_per_second": 64}
    )


@pytest.fixture(scope="module")
def address(place: Path, listening: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    with listening(str(place)) as found:
        yield found


def fits(page: Any) -> bool:
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_training_is_watched_as_it_goes_on(visit: Visit, size: str, address: str, place: Path) -> None:
    run = place / "going"
    page = visit(f"{address}/watch", size)  # it shows what is being trained
    panel = page.get_by_role("article", name="going")
    panel.locator(".status", has_text="running").wait_for()
    assert page.get_by_role("article").count() == 1
    panel.locator(".verdict", has_text="Healthy.").wait_for()
    chart = panel.get_by_role("img", name=re.compile("^Losses"))
    chart.wait_for()
    sheets = panel.get_by_role("slider")
    before = int(sheets.get_attribute("max"))
    step = 10 + max(json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines())
    _measure(run, step, loss=7.25, watch="discriminator is winning")
    picture = Image.fromarray(np.full((64, 64, 3), 200, np.uint8))
    picture.save(run / "samples" / f"{step * 0.032:010.3f}.png")
    panel.locator(".verdict", has_text="Discriminator is winning.").wait_for()
    panel.get_by_role("img", name=re.compile("D 7.25")).wait_for()
    panel.get_by_text(f"Sheet {before + 2} of {before + 2}", exact=True).wait_for()
    assert f"{step * 32:,}" in panel.locator(".figures").inner_text()
    _measure(run, step + 10)
    panel.locator(".verdict", has_text="Healthy.").wait_for()
    assert fits(page)


def test_all_sheets_are_gone_through_and_played(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/watch?run=done", size)
    panel = page.get_by_role("article", name="done")
    slider = panel.get_by_role("slider")
    slider.wait_for()
    newest = panel.locator(".sheets img").get_attribute("alt")
    slider.focus()
    page.keyboard.press("Home")
    panel.locator(".sheets img[alt*='after 0 images']").wait_for()
    page.wait_for_url("**/watch?run=done&kimg=0")  # the address can be shared
    panel.get_by_role("button", name="Play all sheets of done").click()
    panel.locator(f".sheets img[alt='{newest}']").wait_for()
    page.get_by_role("button", name="Film").click()
    page.get_by_role("dialog").locator("video").wait_for()
    page.keyboard.press("Escape")
    assert panel.get_by_role("link", name="Its report").get_attribute("href").startswith("/api/v1/runs/done/report?v=")
    assert page.get_by_role("button", name="Train").count() == 0  # nobody allowed it
    assert fits(page)


def test_runs_are_compared(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/compare", size)
    page.get_by_role("checkbox", name="going").check()
    page.get_by_text("And another one").wait_for()
    page.get_by_role("checkbox", name="done").check()
    page.wait_for_url("**/compare?run=going&run=done")
    page.locator(".compared").wait_for()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="seed", exact=True))
    assert row.get_by_role("cell").all_inner_texts() == ["0", "5"]
    assert page.get_by_role("rowheader", name="batch_size").count() == 0  # in which they do not differ
    chart = page.get_by_role("img", name=re.compile("^Losses.*going: D.*done: G"))
    assert "kimg" in chart.get_attribute("aria-label")
    page.get_by_text("Minutes", exact=True).click()
    page.get_by_role("img", name=re.compile("^Losses.*minutes$")).wait_for()
    assert page.locator(".beside img").count() == 2
    assert fits(page)


def test_a_dataset_shows_what_it_holds(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/data", size)
    rate = page.get_by_role("button", name=re.compile("^Smiling"))
    rate.click()
    page.get_by_role("heading", name="Some of its pictures: Smiling").wait_for()
    page.wait_for_url("**/data?having=Smiling")
    sheet = page.locator("img.drawn")
    assert sheet.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") in (6 * 32, 12 * 32)
    page.get_by_text("facesmith data explore faces").wait_for()
    assert fits(page)


def test_a_map_runs_its_code_and_cannot_ask_the_studio(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/map", size)
    said = page.frame_locator("iframe").locator("#said")
    said.filter(has_text="ran").wait_for()
    assert said.inner_text() == "ran, null, no cookies"
    page.get_by_text("taken by us").wait_for()
    assert fits(page)
