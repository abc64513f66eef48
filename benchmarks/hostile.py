"""A studio among people who mean harm: schemathesis over all of its API, requests that make no sense, hostile uploads.

    python benchmarks/hostile.py RUN DATASET MAP MAKEOVER [--uploads 500] [--examples 30] [--seed 0] [--json RECORD]

The shipped models and what is named are served by a real studio on loopback, in an empty folder that is watched. What
is sent is drawn from the seed. Meanwhile a visitor asks for a face again and again, and must get the same one every
time. A second studio, which allows training and has nothing to train on, gets schemathesis alone: none can start.
Exit status 1 where anything was answered with 5xx or left a traceback, a file was written, the memory did not come back
to within `ROOM` of what it was once every kind of upload had been seen, or a face was late or another one.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import torch
from hostile_files import KINDS, Upload, uploads
from hostile_requests import requests, shapes
from hostile_schema import KEPT, PHOTOS, bring, schemathesis
from hostile_studio import CUT, HOST, Answer, Studio, files, say, studio, written

from facesmith import doctor
from facesmith.studio.maintenance import INTERVAL_SECONDS

SHIPPED = ("drawn64", "celeba64")
FACE = "/api/v1/generate?model=drawn64&seed=7"
ROOM = 50.0  # MB
LATE = 10.0  # seconds for a face while the server is busy with harm
BODY, PIXELS = 20_000_000, 40_000_000  # what a studio takes, as facesmith.studio.settings says
WAYS = {"whole": 80, "in chunks": 8, "shorter than said": 4, "longer than said": 3, "slowly": 2, "and gone": 3}
LEAVING = ("shorter than said", "and gone")  # without an answer


def send(port: int, upload: Upload, draw: Random, session: str) -> tuple[str, Answer]:
    """Send an upload in one way or another: which, and the answer."""
    way = draw.choices(list(WAYS), list(WAYS.values()))[0] if upload.data else "whole"
    data, size = upload.data, len(upload.data)
    length = {"in chunks": None, "shorter than said": size + 999, "longer than said": max(1, size // 2)}.get(way, size)
    parts = [data]
    if way in ("in chunks", "slowly"):
        places = [0, *sorted(draw.randrange(size) for _ in range(19)), size]
        parts = [data[one:other] for one, other in pairwise(places) if other > one]
    if way == "in chunks":
        parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]
    head = written("POST", PHOTOS, {"Content-Type": upload.media, "X-Session": session}, length)
    pause = 0.05 if way == "slowly" else 0
    return way, say(port, [head, *parts], pause=pause, stays=way not in LEAVING)


def too_large(port: int) -> Iterator[Answer]:
    """Bodies of more than is taken: said so, and not."""
    for length in (BODY + 1, 10**15, None):
        head = written("POST", PHOTOS, {"Content-Type": "image/png"}, length)
        yield say(port, [head, *[b"%x\r\n" % 10**6 + bytes(10**6) + b"\r\n"] * 30])


def trickles(port: int) -> list[list[bytes]]:
    """What some clients send a byte of a second: a body, a head; and nothing at all."""
    head = written("POST", PHOTOS, {"Content-Type": "image/png"}, 1000)
    return [[head, *[b"x"] * 60], [head[:9], *[b"x"] * 60], [], []]


class Visitor:
    """Somebody who asks for the same face again and again until told to end."""

    def __init__(self, here: Studio) -> None:
        self.here, self.done, self.first = here, Event(), here.get(FACE).body
        self.count, self.wrong, self.latest = 0, 0, 0.0

    def ask(self) -> None:
        while not self.done.wait(0.2):
            answer = self.here.get(FACE)
            self.count, self.latest = self.count + 1, max(self.latest, answer.seconds)
            self.wrong += answer.status != 200 or answer.body != self.first


def requests_of_all_kinds(here: Studio, every: int, session: str) -> tuple[Counter[int], float]:
    """How often each status was answered to what is no upload, and the longest that one answer took."""
    seen, longest = Counter[int](), 0.0
    for asked in requests()[::every]:
        own = {"X-Session": session} | asked.headers
        answer = say(here.port, [written(asked.method, asked.path, own, len(asked.body)), asked.body])
        seen[answer.status] += 1
        longest = max(longest, answer.seconds)
    endless = [[written("GET", f"/api/v1/watch?run={run['name']}", {})] for run in here.listed("runs")]
    for parts in [*shapes(f"{HOST}:{here.port}"), *endless]:
        seen[say(here.port, parts, patience=2).status] += 1
    return seen, longest


def uploads_of_all_kinds(here: Studio, count: int, seed: int, session: str) -> tuple[dict[str, Any], float]:
    """How often each status was answered to each kind of upload, and the longest that one answer took."""
    seen, ways, lost, longest = dict[str, Counter[int]](), Counter[str](), 0, 0.0
    for number, upload in enumerate(uploads(count, seed, PIXELS)):
        way, answer = send(here.port, upload, Random(f"way {seed} {number}"), session)
        seen.setdefault(upload.kind, Counter())[answer.status] += 1
        ways[way] += 1
        lost += answer.status == CUT and way not in LEAVING
        longest = max(longest, 0 if way == "slowly" else answer.seconds)
    return {"kinds": seen, "ways": ways, "statuses": sum(seen.values(), Counter[int]()), "lost": lost}, longest


def among_harm(here: Studio, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is done to the first studio, and what came of it."""
    kept = [folder, *map(Path, args.paths)]
    session, _ = bring(here)
    for dataset in here.listed("datasets"):  # what is computed of a dataset the first time is kept beside it
        body = json.dumps({"face": "seed:7", "dataset": dataset["name"]}).encode()
        say(here.port, [written("POST", "/api/v1/neighbours", {"Content-Type": "application/json"}, len(body)), body])
    cold = here.memory()
    visitor = Visitor(here)
    schemathesis(here, args.folder, 1, args.seed + 1)  # what is loaded when it is first asked for is no leak
    uploads_of_all_kinds(here, min(args.uploads, 2 * len(KINDS)), args.seed + 1, session)
    time.sleep(args.settle)
    record: dict[str, Any] = {"memory_cold": cold, "memory_before": here.memory()}
    before, wrote = files(*kept), here.bytes_written()
    with ThreadPoolExecutor(8) as pool:
        visit = pool.submit(visitor.ask)
        try:
            dripping = [pool.submit(say, here.port, parts, pause=1, patience=60) for parts in trickles(here.port)]
            record["uploads"], record["longest_upload"] = uploads_of_all_kinds(here, args.uploads, args.seed, session)
            record["too_large"] = [answer.status for answer in too_large(here.port)]
            record["memory_after_uploads"] = here.memory()
            record["requests"], record["longest_request"] = requests_of_all_kinds(here, args.every, session)
            record["memory_after_requests"] = here.memory()
            record["schemathesis"] = schemathesis(here, args.folder, args.examples, args.seed)
            record["trickles"] = [(each.result().status, round(each.result().seconds, 1)) for each in dripping]
        finally:
            visitor.done.set()
        visit.result()
    say(here.port, [written("DELETE", KEPT, {"X-Session": session})])
    time.sleep(args.settle)
    record |= {"memory_after": here.memory(), "memory_most": here.memory("VmHWM")}
    record |= {"faces": visitor.count, "faces_wrong": visitor.wrong, "face_latest": visitor.latest}
    record |= {"files_changed": len(before ^ files(*kept)), "bytes_written": here.bytes_written() - wrote}
    record["serves_the_same_face"] = here.get(FACE).body == visitor.first
    return record


def said(here: Studio) -> dict[str, Any]:
    return {"statuses": here.statuses(), "defects": here.defects()[:5], "other_words": here.other_words()}


def wrong(record: dict[str, Any]) -> list[str]:
    """What should not have been, in words."""
    first, second = record["studio"], record["studio_that_trains"]
    after = max(first["memory_after"] - first["memory_before"], 0)
    starting = 503  # /readyz, until the first model has made a face
    seen = first["said"]["statuses"] | first["uploads"]["statuses"] | first["requests"] | second["said"]["statuses"]
    found = {
        "answered with 5xx": any(status >= 500 and status != starting for status in seen),
        "a traceback": first["said"]["defects"] or second["said"]["defects"],
        "uploads or requests with 503": (first["uploads"]["statuses"] + first["requests"])[starting],
        "schemathesis": any(each["schemathesis"][key] for each in (first, second) for key in ("failures", "errors")),
        f"{after:.0f} MB more": after > ROOM,
        "files written": first["files_changed"] or first["bytes_written"],
        "faces late or wrong": first["faces_wrong"] or first["face_latest"] > LATE or not first["serves_the_same_face"],
        "a training": second["runs"],
        "uploads without an answer": first["uploads"]["lost"],
        "slow clients waited for": any(seconds > 50 for _, seconds in first["trickles"]),
        "larger than is taken, and taken": any(status not in (413, CUT) for status in first["too_large"]),
    }
    return [words for words, there in found.items() if there]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--uploads", type=int, default=500)
    parser.add_argument("--examples", type=int, default=30, help="of schemathesis, of each operation")
    parser.add_argument("--every", type=int, default=1, help="2 takes every second of the requests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settle", type=float, default=INTERVAL_SECONDS + 5, help="seconds before memory is looked at")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    args.paths = [str(Path(path).resolve()) for path in args.paths]
    record: dict[str, Any] = {"machine": doctor.machine(torch.device("cpu")), "seed": args.seed}
    with tempfile.TemporaryDirectory() as temporary:
        args.folder, folder = Path(temporary) / "schemathesis", Path(temporary) / "studio"
        args.folder.mkdir()
        folder.mkdir()
        with studio(folder, *SHIPPED, *args.paths) as here:
            record["studio"] = among_harm(here, folder, args)
        record["studio"]["said"] = said(here)
        with studio(folder, *SHIPPED, "--allow-training") as here:
            found = schemathesis(here, args.folder, args.examples, args.seed)
            record["studio_that_trains"] = {"schemathesis": found, "runs": here.listed("runs")}
        record["studio_that_trains"]["said"] = said(here)
    record["wrong"] = wrong(record)
    text = json.dumps(record, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n")
    sys.exit(bool(record["wrong"]))


if __name__ == "__main__":
    main()
