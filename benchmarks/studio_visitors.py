"""Visitors of a studio: they request faces and sheets, upload photos, watch runs, and disconnect.

`Studio.ask` and `Studio.stream` record the result of every request in `Results`. Each visitor is a coroutine that runs
until ``studio.stopped``, and pauses while ``studio.open`` is not set.
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
SEEDS = 200  # few, so that faces are requested repeatedly
SWITCH = 5.0  # seconds for which most visitors use the same model
FORMATS = ("png", "jpeg", "webp", "json", "zip")


@dataclass
class Results:
    """Counts and failures of all requests."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)  # by kind and status
    dropped: Counter[str] = field(default_factory=Counter)  # by their clients
    lost: list[str] = field(default_factory=list)  # a description of each failed request
    seconds: list[tuple[str, float]] = field(default_factory=list)  # kind, and how long until the answer
    first: dict[str, bytes] = field(default_factory=dict)  # digest of the first response of each path
    repeated: int = 0  # responses compared with an earlier one

    def answered(self, kind: str, status: int, body: str, began: float) -> None:
        self.answers[kind, status] += 1
        self.seconds.append((kind, time.perf_counter() - began))
        if status not in (200, 429):
            self.lost.append(f"{kind}: {status} {body[:200]}")

    def same(self, path: str, body: bytes) -> None:
        """Compare a response with the first one of its path."""
        digest = hashlib.sha256(body).digest()
        self.repeated += path in self.first
        if self.first.setdefault(path, digest) != digest:
            self.lost.append(f"{path} gave another picture than before")


@dataclass
class Studio:
    """The studio that is visited; ``models`` are what /models says of its generators."""

    port: int
    models: list[dict[str, Any]]
    run: str
    results: Results = field(default_factory=Results)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False
    busy: int = 0  # requests in progress

    def model(self, rng: random.Random) -> dict[str, Any]:
        """Return the model that most visitors use now, or sometimes another."""
        now = self.models[int(time.monotonic() / SWITCH) % len(self.models)]
        return now if rng.random() < 0.9 else rng.choice(self.models)

    def client(self) -> httpx.AsyncClient:
        """Return a client with its own cookies."""
        return httpx.AsyncClient(base_url=f"http://{HOST}:{self.port}", timeout=TIMEOUT_SECONDS)

    @contextmanager
    def asking(self) -> Iterator[None]:
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    async def ask(
        self, client: httpx.AsyncClient, kind: str, method: str, path: str, **options: Any
    ) -> httpx.Response | None:
        """Return the response, or None unless it is 200; wait after a 429."""
        await self.open.wait()
        with self.asking():
            began = time.perf_counter()
            try:
                answer = await client.request(method, API + path, **options)
            except httpx.HTTPError as error:
                self.results.lost.append(f"{kind}: {error!r}")
                await asyncio.sleep(1)
                return None
            self.results.answered(kind, answer.status_code, answer.text if answer.is_error else "", began)
        if answer.status_code == 429:
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        return answer if answer.status_code == 200 else None

    @asynccontextmanager
    async def stream(
        self, client: httpx.AsyncClient, kind: str, method: str, path: str, **options: Any
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the parts of a response, none if it is not 200."""
        await self.open.wait()
        with self.asking():
            began = time.perf_counter()
            try:
                async with client.stream(method, API + path, **options) as answer:
                    body = "" if answer.status_code == 200 else (await answer.aread()).decode()
                    self.results.answered(kind, answer.status_code, body, began)
                    yield answer.aiter_bytes() if answer.status_code == 200 else _no_parts()
            except httpx.HTTPError as error:
                self.results.lost.append(f"{kind}: {error!r}")


async def _no_parts() -> AsyncIterator[bytes]:
    return
    yield


Visitor = Callable[[Studio, random.Random], Awaitable[None]]


async def faces(studio: Studio, rng: random.Random) -> None:
    """Request single faces."""
    async with studio.client() as client:
        while not studio.stopped:
            path = f"/generate?model={studio.model(rng)['name']}&seed={rng.randrange(SEEDS)}"
            answer = await studio.ask(client, "face", "GET", path)
            if answer is not None:
                studio.results.same(path, answer.content)


async def sheets(studio: Studio, rng: random.Random) -> None:
    """Request sheets of many faces, with and without edits, in every format."""
    async with studio.client() as client:
        while not studio.stopped:
            model, form, count = studio.model(rng), rng.choice(FORMATS), rng.choice((9, 64, 200))
            path = f"/generate?model={model['name']}&seed={rng.randrange(SEEDS)}&count={count}&format={form}"
            if model["attributes"]:
                path += f"&set={rng.choice(model['attributes'])}:{rng.choice((-1, 1.5))}"
            answer = await studio.ask(client, form if form in ("json", "zip") else "sheet", "GET", path)
            if (
                answer is not None
                and form == "zip"
                and len(zipfile.ZipFile(io.BytesIO(answer.content)).namelist()) < count
            ):
                studio.results.lost.append(f"{path} gave a zip with too little in it")
            await asyncio.sleep(rng.uniform(0, 0.5))


async def photos(studio: Studio, rng: random.Random) -> None:
    """Upload photos in a session; encode, describe, edit, refine and delete each."""
    async with studio.client() as client:
        while not studio.stopped:
            model = studio.model(rng)
            name = model["name"]
            generated = await studio.ask(
                client, "face", "GET", f"/generate?model={name}&seed={rng.randrange(SEEDS)}&scale=4&format=jpeg"
            )
            if generated is None:
                continue
            picture = {"content": generated.content, "headers": {"Content-Type": "image/jpeg"}}
            photo = await studio.ask(client, "photo", "POST", f"/photos?model={name}", **picture)
            if photo is None:
                continue
            photo_data = photo.json()
            face = photo_data["faces"][0]["face"] if photo_data["faces"] else photo_data["whole"]
            edits = [{name: strength} for name in model["attributes"][:4] for strength in (-1, 1)]
            face_body, table = {"model": name, "face": face}, {"model": name, "faces": [face], "edits": [{}, *edits]}
            await studio.ask(client, "encode", "POST", "/encode", json=face_body)
            await studio.ask(client, "describe", "POST", "/describe", json=face_body)
            for _ in range(rng.randrange(1, 8)):  # a slider is moved
                await studio.ask(client, "edit", "POST", "/edit", json=table)
            edited = await studio.ask(client, "edit", "POST", "/edit", json=table | {"format": "json"})
            if edited is not None:
                await studio.ask(client, "face by ID", "GET", f"/faces/{edited.json()['faces'][-1]['id']}.png")
            if model["refine"] and rng.random() < 0.2:
                await _refine(studio, rng, client, face_body)
            ends_session = rng.random() < 0.2
            await studio.ask(
                client, "forget", "DELETE", "/session" if ends_session else f"/photos/{photo_data['photo']}"
            )
            await asyncio.sleep(rng.uniform(0, 1))


async def _refine(studio: Studio, rng: random.Random, client: httpx.AsyncClient, face_body: dict[str, Any]) -> None:
    """Refine a face, half of the time not to the end."""
    waits, received = rng.random() < 0.5, b""
    async with studio.stream(client, "refine", "POST", "/refine", json=face_body | {"steps": 10}) as parts:
        async for part in parts:
            received += part
            if not waits and received.count(b"event:") > 2:
                studio.results.dropped["refine"] += 1
                return
    if received and b"event: done" not in received:
        studio.results.lost.append(f"refine ended with {received[-200:]!r}")


async def watchers(studio: Studio, rng: random.Random) -> None:
    """Watch a run for a while."""
    async with studio.client() as client:
        while not studio.stopped:
            async with studio.stream(client, "watch", "GET", f"/watch?run={studio.run}") as parts:
                try:
                    async with asyncio.timeout(rng.uniform(0.2, 3)):
                        async for _ in parts:
                            pass
                except TimeoutError:
                    studio.results.dropped["watch"] += 1
            await asyncio.sleep(rng.uniform(0, 0.5))


async def leavers(studio: Studio, rng: random.Random) -> None:
    """Send large requests and disconnect before or during the response."""
    while not studio.stopped:
        await studio.open.wait()
        with studio.asking():
            kind, request = _abandoned_request(studio, rng)
            try:
                reader, writer = await asyncio.open_connection(HOST, studio.port)
            except OSError as error:
                studio.results.lost.append(f"{kind}: {error!r}")
                await asyncio.sleep(1)
                continue
            writer.write(request)
            try:
                async with asyncio.timeout(rng.uniform(0, 0.5)):
                    while await reader.read(4096):  # slower than the server sends
                        await asyncio.sleep(0.02)
            except (TimeoutError, OSError):
                pass
            writer.transport.abort()
            studio.results.dropped[kind] += 1
        await asyncio.sleep(rng.uniform(0, 0.3))


def _abandoned_request(studio: Studio, rng: random.Random) -> tuple[str, bytes]:
    model, seed = studio.model(rng)["name"], rng.randrange(SEEDS)
    requests = {
        "face": f"GET {API}/generate?model={model}&seed={seed} HTTP/1.1\r\n\r\n",
        "sheet": f"GET {API}/generate?model={model}&seed={seed}&count=256 HTTP/1.1\r\n\r\n",
        "zip": f"GET {API}/generate?model={model}&seed={seed}&count=10000&format=zip HTTP/1.1\r\n\r\n",
        "watch": f"GET {API}/watch?run={studio.run} HTTP/1.1\r\n\r\n",
        "photo": f"POST {API}/photos HTTP/1.1\r\nContent-Type: image/jpeg\r\nContent-Length: 90000\r\n\r\nhalf of it",
    }
    kind = rng.choice(list(requests))
    line, rest = requests[kind].split("\r\n", 1)
    return kind, f"{line}\r\nHost: {HOST}:{studio.port}\r\n{rest}".encode()
