"""A running studio and browsers of two sizes; every browser error fails the test."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from PIL import Image

import facesmith
from facesmith import Dataset
from facesmith.files import read_json, write_json
from facesmith.runs.json_lines import append_line
from facesmith.studio.app import create_app
from facesmith.studio.settings import Settings

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
sync_api.expect.set_options(timeout=20_000)  # long enough for a slow machine
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
PHOTOS = {"size": [64, 64], "crop": "center:178", "resize": "lanczos", "count": 9,
          "source": {"kind": "celeba", "name": "photos"}}  # fmt: skip


@contextmanager
def _listening(*paths: str, **settings: Any) -> Iterator[str]:
    """Run a studio with these paths in a thread and yield its address."""
    app = create_app(Settings(paths=paths, quiet=True, **settings))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:  # otherwise the thread of a failed test would keep pytest running
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def listening() -> Callable[..., AbstractContextManager[str]]:
    """Return a context manager that runs a studio with these paths and yields its address."""
    return _listening


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, write_makeover: Callable[..., Path]) -> Iterator[str]:
    """Yield the address of a studio with two included models and a makeover, lighter or redder."""
    makeover = write_makeover(tmp_path_factory.mktemp("studio") / "mirror", PHOTOS)
    with _listening("drawn64", "celeba64", str(makeover)) as address:
        yield address


@pytest.fixture(scope="session")
def measure() -> Callable[..., None]:
    """Append the lines of a training step."""
    return _measure


@pytest.fixture(scope="session")
def place(
    small_run: Path,
    builtin_dataset: Dataset,
    write_makeover: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a folder with the runs ``going`` (training) and ``done``, the dataset ``faces``, a map and a makeover."""
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
    photos = tmp_path_factory.mktemp("photos")
    for row in range(100):
        Image.fromarray(builtin_dataset.images[row]).resize((64, 64)).save(photos / f"{row:03d}.png")
    (photos / "labels.csv").write_text("".join(["file,Young\n", *(f"{row:03d}.png,{row % 2}\n" for row in range(100))]))
    faces = facesmith.import_dataset(photos, tmp_path_factory.mktemp("mapped") / "faces", size=64, quiet=True)
    facesmith.map_faces("celeba64", faces, folder / "map", methods=["pca"], quiet=True)
    write_makeover(folder / "mirror", PHOTOS)
    return folder


def _measure(run: Path, step: int, loss: float = 1.0, health: str = "healthy") -> None:
    accuracies = {"accuracy_real": 0.7, "accuracy_fake": 0.8}
    line: dict[str, float | str] = {"step": step, "kimg": step * 0.032, "loss_D": loss, "loss_G": 2.0, "health": health}
    append_line(run / "metrics.jsonl", line | accuracies)
    append_line(
        run / "timing.jsonl", {"step": step, "kimg": step * 0.032, "seconds": step / 2, "images_per_second": 64}
    )


@pytest.fixture(scope="session")
def address(place: Path) -> Iterator[str]:
    """Yield the address of a studio with every kind of artefact."""
    with _listening("drawn64", "celeba64", str(place)) as base_address:
        yield base_address


@pytest.fixture(scope="module")  # an open browser has an event loop, which disturbs tests with their own
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium to look at pages with")
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def troubles() -> list[str]:
    """Return the list of browser errors and of requests to other hosts."""
    return []


@pytest.fixture
def visit(browser: Any, troubles: list[str]) -> Iterator[Callable[..., Any]]:
    """Open an address in a browser of a size. Errors and requests to other hosts fail the test."""
    contexts = []

    def open_page(address: str, size: str = "desktop") -> Any:
        context = browser.new_context(**SIZES[size], reduced_motion="reduce", accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        origin = "/".join(address.split("/")[:3])
        own_prefixes = (f"{origin}/", "blob:", "data:")
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: troubles.extend([request.url] * (not request.url.startswith(own_prefixes))))
        page.goto(address)
        page.wait_for_selector("main[aria-busy=false]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def party(two_faces: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the photo of two faces as a file."""
    path = tmp_path_factory.mktemp("party") / "party.png"
    path.write_bytes(two_faces)
    return path
