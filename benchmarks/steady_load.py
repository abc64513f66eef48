"""Minutes of steady load on a studio whose visitors switch models, bring photos, hang up: is anything lost or leaked?

    python benchmarks/steady_load.py RUN [--minutes 10] [--seed 0] [--json record.json]

`facesmith studio` shows RUN and copies of the --models, one more than it keeps in memory, so that every switch loads
one and forgets another. Visitors ask for single faces and sheets, bring faces as photos and edit them,
watch RUN and have faces refined, where the install can; some hang up before or in the middle of an answer. Every
request that its client stayed for must be answered with 200 or, where too much waits, 429, and an address must always
give the same picture.

At the end of each minute nobody asks for a breath, and what the server then holds is read from /proc (so this runs on
Linux) and /metrics. Printed are the answers of that minute, the latencies of single faces, and, at the end, how what it
holds has moved since the second minute. Then it is told to end by SIGTERM while it writes zips, sheets and streams: it
must finish them, take nothing new, and exit with 0. Ends with 1 where any of this is not so.
"""

import argparse
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

import httpx
import numpy as np
import studio_visitors
import torch
from harness import STUDIO, Server, start_server
from studio_visitors import API, Book, Studio

import facesmith
from facesmith import doctor
from facesmith.files import write_json
from facesmith.studio.settings import Settings

MANY = {
    studio_visitors.faces: 12,
    studio_visitors.sheets: 3,
    studio_visitors.photos: 4,
    studio_visitors.watchers: 3,
    studio_visitors.leavers: 6,
}
GAUGES = ("queue_faces", "aside_jobs", "watchers", "models_loaded", "sessions", "session_bytes")
AT_REST = ("queue_faces", "aside_jobs", "watchers")  # none of which may be left when nobody asks
BREATH = 1.0  # seconds after the last answer
ZIPS, ZIPPED, SHEETS, STREAMS = 2, 1000, 8, 3  # under way when it is told to end


async def steady(server: Server, run: str, minutes: float, period: float, seed: int, record: dict[str, Any]) -> Studio:
    """Visit for so many minutes, with a reading after each ``period`` of seconds, and tell the studio to end."""
    models = [model for model in json.loads(server.get(f"{API}/models")[1]) if model["kind"] == "generator"]
    studio = Studio(server.port, models, run)
    record["models"], record["refines"] = [model["name"] for model in models], models[0]["refine"]
    record["readings"] = [{"minute": 0.0} | await held(server, studio)]
    coming = itertools.chain.from_iterable([visitor] * count for visitor, count in MANY.items())
    tasks = [asyncio.ensure_future(visit(studio, random.Random(f"{seed} {n}"))) for n, visit in enumerate(coming)]
    start, told, counted = time.monotonic(), Counter[tuple[str, int]](), 0
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
                task.result()  # a visitor who has failed is a defect of theirs
        await asyncio.sleep(BREATH)
        answers, seconds = studio.book.answers - told, studio.book.seconds[counted:]
        told, counted = Counter(studio.book.answers), len(studio.book.seconds)
        reading = {
            "minute": (time.monotonic() - start) / 60,
            "answers_per_second": answers.total() / elapsed,
            "statuses": by_status(answers),
            "dropped": studio.book.dropped.total(),
            "lost": len(studio.book.lost),
            "latencies_ms": {kind: percentiles(seconds, kind) for kind in sorted({kind for kind, _ in seconds})},
        }
        record["readings"].append(reading | await held(server, studio))
        say(record["readings"][-1])
    studio.stopped = True
    studio.open.set()
    await asyncio.gather(*tasks)
    record["end"] = await ended(server, studio)
    return studio


async def held(server: Server, studio: Studio) -> dict[str, float]:
    """What the server's process and its parts hold."""
    text = (await asyncio.to_thread(server.get, "/metrics"))[1].decode()
    gauges = {name: float(value) for name, value in re.findall(r"^facesmith_(\w+) (\S+)$", text, re.MULTILINE)}
    return server.resources() | {name: gauges[name] for name in GAUGES}


async def ended(server: Server, studio: Studio) -> dict[str, Any]:
    """Tell the studio to end in the middle of its work: what came of that, and how long it took."""
    name, wrong, begun = studio.models[0]["name"], list[str](), asyncio.Semaphore(0)

    async def whole(path: str, stream: bool) -> None:
        async with studio.client() as client, client.stream("GET", API + path) as answer:
            parts = list[bytes]()
            async for part in answer.aiter_bytes():
                if stream and not parts:
                    begun.release()
                parts.append(part)
            if answer.status_code != 200 or not parts:
                wrong.append(f"{path}: {answer.status_code}")
            elif "zip" in path and len(zipfile.ZipFile(io.BytesIO(b"".join(parts))).namelist()) < ZIPPED:
                wrong.append(f"{path}: too little in it")

    streams = [f"/generate?model={name}&count={ZIPPED}&format=zip&seed={n}" for n in range(ZIPS)]
    streams += [f"/watch?run={studio.run}"] * STREAMS
    tasks = [asyncio.ensure_future(whole(path, True)) for path in streams]
    for _ in streams:
        await begun.acquire()
    tasks += [asyncio.ensure_future(whole(f"/generate?model={name}&count=64&seed={n}", False)) for n in range(SHEETS)]
    await asyncio.sleep(0.2)
    began = time.monotonic()
    status = asyncio.ensure_future(asyncio.to_thread(server.stop))
    await asyncio.sleep(0.5)
    if not status.done():
        try:
            async with studio.client() as client:
                wrong.append(f"it still answered: {(await client.get(f'{API}/models')).status_code}")
        except httpx.TransportError:
            pass
    done = await asyncio.gather(*tasks, return_exceptions=True)
    wrong += [repr(error) for error in done if error is not None]
    return {"status": await status, "seconds": time.monotonic() - began, "under_way": len(tasks), "wrong": wrong}


def by_status(answers: Counter[tuple[str, int]]) -> dict[int, int]:
    found: Counter[int] = Counter()
    for (_, status), count in answers.items():
        found[status] += count
    return dict(found)


def percentiles(seconds: Iterable[tuple[str, float]], kind: str) -> dict[str, float]:
    """Milliseconds within which half, 95 % and 99 % of the answers of a kind came."""
    these = [1000 * took for one, took in seconds if one == kind]
    return dict(zip(("p50", "p95", "p99"), map(float, np.percentile(these, (50, 95, 99))), strict=True))


def say(reading: dict[str, Any]) -> None:
    face = reading["latencies_ms"].get("face", {})
    print(
        f"minute {reading['minute']:.1f}: {reading['answers_per_second']:.0f} answers/s {reading['statuses']}, faces "
        f"{', '.join(f'{name} {ms:.0f}' for name, ms in face.items())} ms; lost {reading['lost']}; "
        f"{reading['rss_mb']:.0f} MB ({reading['own_mb']:.0f} of its own), {reading['threads']:.0f} threads, "
        f"{reading['files']:.0f} files, " + ", ".join(f"{name} {reading[name]:.0f}" for name in GAUGES),
        flush=True,
    )


def odd(log: str) -> list[str]:
    """The lines of the server's log that are none of its records, or records of a defect."""
    lines = log.splitlines()
    return [line for line in lines if '"defect"' in line or not line.startswith(("{", "facesmith studio: http"))]


def copies(models: list[str], folder: Path) -> None:
    """Copies of models in turn, one more than a studio keeps in memory."""
    for number, model in zip(range(Settings().models_loaded + 1), itertools.cycle(models), strict=False):
        path = facesmith.load(model, quiet=True).path
        shutil.copytree(path, folder / f"{path.name}-{number}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--models", nargs="+", default=["drawn64", "celeba64"])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--period", type=float, default=60, help="seconds between two readings")
    parser.add_argument("--seed", type=int, default=0, help="of what visitors do")
    parser.add_argument("--json", type=Path, help="write everything into this file")
    args = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("this benchmark reads /proc, which only Linux has")
    record: dict[str, Any] = {"machine": doctor.machine(torch.device("cpu")), "visitors": sum(MANY.values())}
    print(json.dumps(record["machine"]))
    with tempfile.TemporaryDirectory() as folder:
        copies(args.models, Path(folder))
        with start_server(lambda port: [*STUDIO, folder, str(args.run), "--port", str(port)], "/readyz") as server:
            run = json.loads(server.get(f"{API}/runs")[1])[0]["name"]
            studio = asyncio.run(steady(server, run, args.minutes, args.period, args.seed, record))
            record["odd_lines"] = odd(server.log())
    well = judged(record, studio.book)
    if args.json:
        write_json(args.json, record)
    sys.exit(not well)


def judged(record: dict[str, Any], book: Book) -> bool:
    """Print what came of everything, write it into the record too, and say whether all of it is as it has to be."""
    counts: dict[str, dict[int, int]] = {}
    for (kind, status), count in sorted(book.answers.items()):
        counts.setdefault(kind, {})[status] = count
    readings, end, odd_lines = record["readings"], record["end"], record["odd_lines"]
    second, last = readings[min(2, len(readings) - 1)], readings[-1]
    drift = {name: last[name] - second[name] for name in ("rss_mb", "own_mb", "threads", "files", *GAUGES)}
    left = {name: reading[name] for reading in readings for name in AT_REST if reading[name]}
    record |= {"answers": counts, "dropped": dict(book.dropped), "lost": book.lost, "drift": drift}
    print(f"answers by kind and status: {json.dumps(counts)}")
    print(f"dropped by their clients: {json.dumps(record['dropped'])}; faces held against earlier ones: {book.again:,}")
    print(
        f"lost: {len(book.lost)} {book.lost[:5]}; left when nobody asked: {left}; odd lines of its log: {odd_lines[:5]}"
    )
    moved = ", ".join(f"{name} {by:+.0f}" for name, by in drift.items())
    print(f"from minute {second['minute']:.1f} to {last['minute']:.1f}: {moved}")
    print(
        f"told to end with {end['under_way']} requests under way: exit {end['status']} after {end['seconds']:.1f} s, "
        f"wrong: {end['wrong']}"
    )
    return not (book.lost or left or odd_lines or end["wrong"] or end["status"])


if __name__ == "__main__":
    main()
