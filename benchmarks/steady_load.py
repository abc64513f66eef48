"""Minutes of steady load on a studio: visitors switch models, upload photos and disconnect. Is anything lost or leaked?

    python benchmarks/steady_load.py RUN [--minutes 10] [--seed 0] [--json record.json]

The studio shows RUN and copies of the --models, one more than it keeps in memory, so that every switch loads a model.
Visitors request single faces and sheets, upload and edit photos, watch RUN and refine faces; some disconnect before or
during a response. Every other request must return 200 or, when too many wait, 429, and a URL must always return the
same image.

At the end of each minute all requests pause, and the server's resources are read from /proc and /metrics. Then the
studio receives SIGTERM while it writes zips, sheets and streams: it must finish them, accept nothing new, and exit with
0. The exit status is 1 if any of this fails.
"""

import asyncio
import io
import itertools
import json
import random
import re
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import harness
import httpx
import numpy as np
import studio_visitors
from harness import STUDIO, Server, start_server
from studio_visitors import API, Results, Studio

import facesmith
from facesmith.studio.settings import Settings

VISITORS = {
    studio_visitors.faces: 12,
    studio_visitors.sheets: 3,
    studio_visitors.photos: 4,
    studio_visitors.watchers: 3,
    studio_visitors.leavers: 6,
}
GAUGES = ("queue_faces", "aside_jobs", "watchers", "models_loaded", "sessions", "session_bytes")
AT_REST = ("queue_faces", "aside_jobs", "watchers")  # must be 0 during pauses
PAUSE_SECONDS = 1.0  # seconds after the last answer
ZIPS, ZIPPED, SHEETS, STREAMS = 2, 1000, 8, 3  # requests in progress at SIGTERM


async def steady(server: Server, run: str, minutes: float, period: float, seed: int, record: dict[str, Any]) -> Studio:
    """Run visitors for some minutes, with a reading after each ``period`` of seconds, and stop the studio."""
    models = [model for model in json.loads(server.get(f"{API}/models")[1]) if model["kind"] == "generator"]
    studio = Studio(server.port, models, run)
    record["models"], record["refines"] = [model["name"] for model in models], models[0]["refine"]
    record["readings"] = [{"minute": 0.0} | await read_resources(server, studio)]
    visitors = itertools.chain.from_iterable([visitor] * count for visitor, count in VISITORS.items())
    tasks = [asyncio.ensure_future(visit(studio, random.Random(f"{seed} {n}"))) for n, visit in enumerate(visitors)]
    start, answers_before, times_before = time.monotonic(), Counter[tuple[str, int]](), 0
    while time.monotonic() - start < 60 * minutes:
        began = time.monotonic()
        studio.open.set()
        await asyncio.sleep(period)
        studio.open.clear()
        while studio.busy:
            await asyncio.sleep(0.05)
        elapsed = time.monotonic() - began
        for task in tasks:
            if task.done():
                task.result()  # raises the exception of a failed visitor
        await asyncio.sleep(PAUSE_SECONDS)
        answers, seconds = studio.results.answers - answers_before, studio.results.seconds[times_before:]
        answers_before, times_before = Counter(studio.results.answers), len(studio.results.seconds)
        reading = {
            "minute": (time.monotonic() - start) / 60,
            "answers_per_second": answers.total() / elapsed,
            "statuses": by_status(answers),
            "dropped": studio.results.dropped.total(),
            "lost": len(studio.results.lost),
            "latencies_ms": {kind: percentiles(seconds, kind) for kind in sorted({kind for kind, _ in seconds})},
        }
        record["readings"].append(reading | await read_resources(server, studio))
        print_reading(record["readings"][-1])
    studio.stopped = True
    studio.open.set()
    await asyncio.gather(*tasks)
    record["end"] = await stop_under_load(server, studio)
    return studio


async def read_resources(server: Server, studio: Studio) -> dict[str, float]:
    """Return the resources of the server and its gauges."""
    text = (await asyncio.to_thread(server.get, "/metrics"))[1].decode()
    gauges = {name: float(value) for name, value in re.findall(r"^facesmith_(\w+) (\S+)$", text, re.MULTILINE)}
    resources: dict[str, float] = server.resources()
    return resources | {name: gauges[name] for name in GAUGES}


async def stop_under_load(server: Server, studio: Studio) -> dict[str, Any]:
    """Stop the studio during requests; return problems and duration."""
    name, problems, started = studio.models[0]["name"], list[str](), asyncio.Semaphore(0)

    async def whole(path: str, stream: bool) -> None:
        async with studio.client() as client, client.stream("GET", API + path) as answer:
            parts = list[bytes]()
            async for part in answer.aiter_bytes():
                if stream and not parts:
                    started.release()
                parts.append(part)
            if answer.status_code != 200 or not parts:
                problems.append(f"{path}: {answer.status_code}")
            elif "zip" in path and len(zipfile.ZipFile(io.BytesIO(b"".join(parts))).namelist()) < ZIPPED:
                problems.append(f"{path}: incomplete zip")

    streams = [f"/generate?model={name}&count={ZIPPED}&format=zip&seed={n}" for n in range(ZIPS)]
    streams += [f"/watch?run={studio.run}"] * STREAMS
    tasks = [asyncio.ensure_future(whole(path, True)) for path in streams]
    for _ in streams:
        await started.acquire()
    tasks += [asyncio.ensure_future(whole(f"/generate?model={name}&count=64&seed={n}", False)) for n in range(SHEETS)]
    await asyncio.sleep(0.2)
    began = time.monotonic()
    status = asyncio.ensure_future(asyncio.to_thread(server.stop))
    await asyncio.sleep(0.5)
    if not status.done():
        try:
            async with studio.client() as client:
                problems.append(f"a new request received a response: {(await client.get(f'{API}/models')).status_code}")
        except httpx.TransportError:
            pass
    finished = await asyncio.gather(*tasks, return_exceptions=True)
    problems += [repr(error) for error in finished if error is not None]
    return {"status": await status, "seconds": time.monotonic() - began, "under_way": len(tasks), "problems": problems}


def by_status(answers: Counter[tuple[str, int]]) -> dict[int, int]:
    result: Counter[int] = Counter()
    for (_, status), count in answers.items():
        result[status] += count
    return dict(result)


def percentiles(seconds: Iterable[tuple[str, float]], kind: str) -> dict[str, float]:
    """Return milliseconds below which 50, 95 and 99 % of the latencies of a kind lie."""
    times = [1000 * took for name, took in seconds if name == kind]
    return dict(zip(("p50", "p95", "p99"), map(float, np.percentile(times, (50, 95, 99))), strict=True))


def print_reading(reading: dict[str, Any]) -> None:
    face = reading["latencies_ms"].get("face", {})
    print(
        f"minute {reading['minute']:.1f}: {reading['answers_per_second']:.0f} answers/s {reading['statuses']}, faces "
        f"{', '.join(f'{name} {ms:.0f}' for name, ms in face.items())} ms; lost {reading['lost']}; "
        f"{reading['rss_mb']:.0f} MB ({reading['own_mb']:.0f} of its own), {reading['threads']:.0f} threads, "
        f"{reading['files']:.0f} files, " + ", ".join(f"{name} {reading[name]:.0f}" for name in GAUGES),
        flush=True,
    )


def unexpected_lines(log: str) -> list[str]:
    """Return the lines of the log that are no records, or records of a defect."""
    lines = log.splitlines()
    return [line for line in lines if '"defect"' in line or not line.startswith(("{", "facesmith studio: http"))]


def copies(models: list[str], folder: Path) -> None:
    """Copy models in turn, one more than a studio keeps in memory."""
    for number, model in zip(range(Settings().models_loaded + 1), itertools.cycle(models), strict=False):
        path = facesmith.load(model, quiet=True).path
        shutil.copytree(path, folder / f"{path.name}-{number}")


def main() -> None:
    parser = harness.parser(__doc__, "--seed", "--json")
    parser.add_argument("run", type=Path)
    parser.add_argument("--models", nargs="+", default=["drawn64", "celeba64"])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--period", type=float, default=60, help="seconds between two readings")
    args = parser.parse_args()
    harness.require_linux()
    record = harness.new_record(visitors=sum(VISITORS.values()))
    with tempfile.TemporaryDirectory() as folder:
        copies(args.models, Path(folder))
        with start_server(lambda port: [*STUDIO, folder, str(args.run), "--port", str(port)], "/readyz") as server:
            run = json.loads(server.get(f"{API}/runs")[1])[0]["name"]
            studio = asyncio.run(steady(server, run, args.minutes, args.period, args.seed, record))
            record["odd_lines"] = unexpected_lines(server.log())
    passed = report(record, studio.results)
    harness.save_record(record, args.json)
    sys.exit(not passed)


def report(record: dict[str, Any], results: Results) -> bool:
    """Print a summary, add it to the record, and return whether everything passed."""
    counts: dict[str, dict[int, int]] = {}
    for (kind, status), count in sorted(results.answers.items()):
        counts.setdefault(kind, {})[status] = count
    readings, end, odd_lines = record["readings"], record["end"], record["odd_lines"]
    second, last = readings[min(2, len(readings) - 1)], readings[-1]
    drift = {name: last[name] - second[name] for name in ("rss_mb", "own_mb", "threads", "files", *GAUGES)}
    left = {name: reading[name] for reading in readings for name in AT_REST if reading[name]}
    record |= {"answers": counts, "dropped": dict(results.dropped), "lost": results.lost, "drift": drift}
    print(f"responses by kind and status: {json.dumps(counts)}")
    print(f"aborted by clients: {json.dumps(record['dropped'])}; compared with earlier responses: {results.repeated:,}")
    print(f"lost: {len(results.lost)} {results.lost[:5]}; in progress during pauses: {left}")
    print(f"unexpected log lines: {odd_lines[:5]}")
    print(f"change from minute {second['minute']:.1f} to {last['minute']:.1f}:",
          ", ".join(f"{name} {change:+.0f}" for name, change in drift.items()))  # fmt: skip
    print(f"stopped with {end['under_way']} requests in progress: exit {end['status']} after {end['seconds']:.1f} s, "
          f"problems: {end['problems']}")  # fmt: skip
    return not (results.lost or left or odd_lines or end["problems"] or end["status"])


if __name__ == "__main__":
    main()
