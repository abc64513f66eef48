"""What visitors of a studio do, over and over: they ask for faces and sheets, bring photos, watch runs, and walk away.

`Studio.ask` and `Studio.stream` write into a `Book` what became of every request; each visitor is a coroutine that goes
on until ``studio.stopped``, and waits between two requests while ``studio.open`` is not set.
"""

import asyncio
import hashlib
import io
import random
import time
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from harness import HOST, TIMEOUT_SECONDS

API = "/api/v1"
SEEDS = 200  # of which faces are asked for, so that the same are asked for again
SWITCH = 5.0  # seconds for which most look at the same model
FORMATS = ("png", "jpeg", "webp", "json", "zip")


@dataclass
class Book:
    """What was asked, and what came of it."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)  # by kind and status
    dropped: Counter[str] = field(default_factory=Counter)  # by their clients
    lost: list[str] = field(default_factory=list)  # a sentence for each request without the answer it should have
    seconds: list[tuple[str, float]] = field(default_factory=list)  # kind, and how long until the answer
    first: dict[str, bytes] = field(default_factory=dict)  # what an address gave, digested
    again: int = 0  # answers that were held against an earlier one

    def answered(self, kind: str, status: int, body: str, began: float) -> None:
        self.answers[kind, status] += 1
        self.seconds.append((kind, time.perf_counter() - began))
        if status not in (200, 429):
            self.lost.append(f"{kind}: {status} {body[:200]}")

    def same(self, path: str, body: bytes) -> None:
        """Hold an answer against the first from its address, which is to give the same for ever."""
        digest = hashlib.sha256(body).digest()
        self.again += path in self.first
        if self.first.setdefault(path, digest) != digest:
            self.lost.append(f"{path} gave another picture than before")


@dataclass
class Studio:
    """The studio that is visited; ``models`` are what /models says of its generators."""

    port: int
    models: list[dict[str, Any]]
    run: str
    book: Book = field(default_factory=Book)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False
    busy: int = 0  # requests under way

    def model(self, draw: random.Random) -> dict[str, Any]:
        """The model that all look at just now, or, seldom, any other."""
        now = self.models[int(time.monotonic() / SWITCH) % len(self.models)]
        return now if draw.random() < 0.9 else draw.choice(self.models)

    def client(self) -> httpx.AsyncClient:
        """A browser of its own, with its own cookies."""
        return httpx.AsyncClient(base_url=f"http://{HOST}:{self.port}", timeout=TIMEOUT_SECONDS)

    @contextmanager
    def asking(self) -> Iterator[None]:
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    async def ask(
        self, client: httpx.AsyncClient, kind: str, method: str, path: str, **more: Any
    ) -> httpx.Response | None:
        """The answer, or None where there was none to go on with; who is told to come back later does."""
        await self.open.wait()
        with self.asking():
            began = time.perf_counter()
            try:
                answer = await client.request(method, API + path, **more)
            except httpx.HTTPError as error:
                self.book.lost.append(f"{kind}: {error!r}")
                await asyncio.sleep(1)
                return None
            self.book.answered(kind, answer.status_code, answer.text if answer.is_error else "", began)
        if answer.status_code == 429:
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        return answer if answer.status_code == 200 else None

    @asynccontextmanager
    async def stream(
        self, client: httpx.AsyncClient, kind: str, method: str, path: str, **more: Any
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The parts of an answer as they come, none where it is refused."""
        await self.open.wait()
        with self.asking():
            began = time.perf_counter()
            try:
                async with client.stream(method, API + path, **more) as answer:
                    body = "" if answer.status_code == 200 else (await answer.aread()).decode()
                    self.book.answered(kind, answer.status_code, body, began)
                    yield answer.aiter_bytes() if answer.status_code == 200 else _nothing()
            except httpx.HTTPError as error:
                self.book.lost.append(f"{kind}: {error!r}")


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


Visitor = Callable[[Studio, random.Random], Awaitable[None]]


async def faces(studio: Studio, draw: random.Random) -> None:
    """One face after the other."""
    async with studio.client() as client:
        while not studio.stopped:
            path = f"/generate?model={studio.model(draw)['name']}&seed={draw.randrange(SEEDS)}"
            answer = await studio.ask(client, "face", "GET", path)
            if answer is not None:
                studio.book.same(path, answer.content)


async def sheets(studio: Studio, draw: random.Random) -> None:
    """Sheets of many faces, with and without changes, in every format; now and then a zip."""
    async with studio.client() as client:
        while not studio.stopped:
            model, form, count = studio.model(draw), draw.choice(FORMATS), draw.choice((9, 64, 200))
            path = f"/generate?model={model['name']}&seed={draw.randrange(SEEDS)}&count={count}&format={form}"
            if model["attributes"]:
                path += f"&set={draw.choice(model['attributes'])}:{draw.choice((-1, 1.5))}"
            answer = await studio.ask(client, form if form in ("json", "zip") else "sheet", "GET", path)
            if (
                answer is not None
                and form == "zip"
                and len(zipfile.ZipFile(io.BytesIO(answer.content)).namelist()) < count
            ):
                studio.book.lost.append(f"{path} gave a zip with too little in it")
            await asyncio.sleep(draw.uniform(0, 0.5))


async def photos(studio: Studio, draw: random.Random) -> None:
    """A face brought as a photo, looked at, edited, refined, and forgotten: photo by photo, in a session."""
    async with studio.client() as client:
        while not studio.stopped:
            model = studio.model(draw)
            name = model["name"]
            made = await studio.ask(
                client, "face", "GET", f"/generate?model={name}&seed={draw.randrange(SEEDS)}&scale=4&format=jpeg"
            )
            if made is None:
                continue
            picture = {"content": made.content, "headers": {"Content-Type": "image/jpeg"}}
            photo = await studio.ask(client, "photo", "POST", f"/photos?model={name}", **picture)
            if photo is None:
                continue
            about = photo.json()
            face = about["faces"][0]["face"] if about["faces"] else about["whole"]
            edits = [{name: strength} for name in model["attributes"][:4] for strength in (-1, 1)]
            one, table = {"model": name, "face": face}, {"model": name, "faces": [face], "edits": [{}, *edits]}
            await studio.ask(client, "encode", "POST", "/encode", json=one)
            await studio.ask(client, "describe", "POST", "/describe", json=one)
            for _ in range(draw.randrange(1, 8)):  # a slider is moved
                await studio.ask(client, "edit", "POST", "/edit", json=table)
            kept = await studio.ask(client, "edit", "POST", "/edit", json=table | {"format": "json"})
            if kept is not None:
                await studio.ask(client, "kept", "GET", f"/faces/{kept.json()['faces'][-1]['id']}.png")
            if model["refine"] and draw.random() < 0.2:
                await _refine(studio, draw, client, one)
            leaves = draw.random() < 0.2
            await studio.ask(client, "forget", "DELETE", "/session" if leaves else f"/photos/{about['photo']}")
            await asyncio.sleep(draw.uniform(0, 1))


async def _refine(studio: Studio, draw: random.Random, client: httpx.AsyncClient, one: dict[str, Any]) -> None:
    """See a face get nearer to its photo, half of the time not to the end."""
    patient, said = draw.random() < 0.5, b""
    async with studio.stream(client, "refine", "POST", "/refine", json=one | {"steps": 10}) as parts:
        async for part in parts:
            said += part
            if not patient and said.count(b"event:") > 2:
                studio.book.dropped["refine"] += 1
                return
    if said and b"event: done" not in said:
        studio.book.lost.append(f"refine ended with {said[-200:]!r}")


async def watchers(studio: Studio, draw: random.Random) -> None:
    """Open a stream of what happens in a run, look for a while, and close it."""
    async with studio.client() as client:
        while not studio.stopped:
            async with studio.stream(client, "watch", "GET", f"/watch?run={studio.run}") as parts:
                try:
                    async with asyncio.timeout(draw.uniform(0.2, 3)):
                        async for _ in parts:
                            pass
                except TimeoutError:
                    studio.book.dropped["watch"] += 1
            await asyncio.sleep(draw.uniform(0, 0.5))


async def leavers(studio: Studio, draw: random.Random) -> None:
    """Ask for much, and hang up: before the answer, or in the middle of it, or of what is sent."""
    while not studio.stopped:
        await studio.open.wait()
        with studio.asking():
            kind, request = _asked_in_vain(studio, draw)
            try:
                reader, writer = await asyncio.open_connection(HOST, studio.port)
            except OSError as error:
                studio.book.lost.append(f"{kind}: {error!r}")
                await asyncio.sleep(1)
                continue
            writer.write(request)
            try:
                async with asyncio.timeout(draw.uniform(0, 0.5)):
                    while await reader.read(4096):  # slower than it comes
                        await asyncio.sleep(0.02)
            except (TimeoutError, OSError):
                pass
            writer.transport.abort()
            studio.book.dropped[kind] += 1
        await asyncio.sleep(draw.uniform(0, 0.3))


def _asked_in_vain(studio: Studio, draw: random.Random) -> tuple[str, bytes]:
    model, seed = studio.model(draw)["name"], draw.randrange(SEEDS)
    wanted = {
        "face": f"GET {API}/generate?model={model}&seed={seed} HTTP/1.1\r\n\r\n",
        "sheet": f"GET {API}/generate?model={model}&seed={seed}&count=256 HTTP/1.1\r\n\r\n",
        "zip": f"GET {API}/generate?model={model}&seed={seed}&count=10000&format=zip HTTP/1.1\r\n\r\n",
        "watch": f"GET {API}/watch?run={studio.run} HTTP/1.1\r\n\r\n",
        "photo": f"POST {API}/photos HTTP/1.1\r\nContent-Type: image/jpeg\r\nContent-Length: 90000\r\n\r\nhalf of it",
    }
    kind = draw.choice(list(wanted))
    line, rest = wanted[kind].split("\r\n", 1)
    return kind, f"{line}\r\nHost: {HOST}:{studio.port}\r\n{rest}".encode()
