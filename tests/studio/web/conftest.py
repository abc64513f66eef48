"""A studio that listens, and browsers to visit it with: large and small, whose every complaint is a failure."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn

from facesmith.studio.app import create_app
from facesmith.studio.settings import Settings

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
PHOTOS = {"size": [64, 64], "crop": "center:178", "resize": "lanczos", "count": 9,
          "source": {"kind": "celeba", "name": "photos"}}  # fmt: skip


@contextmanager
def _listening(*paths: str) -> Iterator[str]:
    """The address of a studio that shows these, in a thread."""
    app = create_app(Settings(paths=paths, quiet=True))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def listening() -> Callable[..., AbstractContextManager[str]]:
    """Starts a studio with these paths; a context that gives its address."""
    return _listening


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, write_makeover: Callable[..., Path]) -> Iterator[str]:
    """A studio with both shipped models and a makeover that makes faces lighter, or redder."""
    makeover = write_makeover(tmp_path_factory.mktemp("studio") / "mirror", PHOTOS)
    with _listening("drawn64", "celeba64", str(makeover)) as address:
        yield address


@pytest.fixture(scope="module")  # as long as one is open, its event loop is in the way of every test with its own
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium to look at pages with")
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def troubles() -> list[str]:
    """What browsers complained of, and what they asked of other hosts."""
    return []


@pytest.fixture
def visit(browser: Any, troubles: list[str]) -> Iterator[Callable[..., Any]]:
    """Opens an address in a browser of a size; nothing may go wrong in it, or be asked elsewhere."""
    contexts = []

    def opened(address: str, size: str = "desktop") -> Any:
        context = browser.new_context(**SIZES[size], reduced_motion="reduce", accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        home = "/".join(address.split("/")[:3])
        here = (f"{home}/", "blob:", "data:")
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: troubles.extend([request.url] * (not request.url.startswith(here))))
        page.goto(address)
        page.wait_for_selector("main[aria-busy=false]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def party(two_faces: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photo of two faces as a file."""
    path = tmp_path_factory.mktemp("party") / "party.png"
    path.write_bytes(two_faces)
    return path
