"""Runs as they stand, and what happens in them: each is read once a second, however many watch."""

import asyncio
import time
import tomllib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facesmith import Run, open_run
from facesmith.errors import FacesmithError
from facesmith.studio.errors import NotHere
from facesmith.studio.files import version
from facesmith.studio.registry import Item, Shelf
from facesmith.studio.settings import API

FRESH = 1.0  # seconds for which a run is not looked at again
MOST = 64  # runs kept in memory
HEARTBEAT = 15.0  # seconds without an event after which a word is sent, so that nothing between gives up the line

Event = tuple[str, dict[str, Any]]


@dataclass(eq=False)
class _Seen:
    """A run that somebody looks at, and when it was last read."""

    path: Path
    run: Run | None = None
    looked: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Watching:
    """The runs of a shelf, read on for whoever asks. Used from one thread, the loop's; files are read in others."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._seen: OrderedDict[str, _Seen] = OrderedDict()  # the longest unused first
        self.watchers = 0

    async def run(self, name: str) -> Run:
        """The run of that name as it now stands, and stays; `NotHere` where there is none."""
        item = self._shelf.find(name, "run")
        item.stamp()  # raises where it has gone since
        seen = self._seen.get(name)
        if seen is None or seen.path != item.path:
            seen = self._seen[name] = _Seen(item.path)
            while len(self._seen) > MOST:
                self._seen.popitem(last=False)
        self._seen.move_to_end(name)
        async with seen.turn:  # who comes while it is being read finds it read
            if seen.run is None:
                seen.run = await asyncio.to_thread(open_run, seen.path)
                seen.looked = time.monotonic()
            elif time.monotonic() - seen.looked >= FRESH:
                await asyncio.to_thread(seen.run.refresh)
                seen.looked = time.monotonic()
            return copy(seen.run)  # of which nothing changes while it is read here and read on in a thread

    async def briefs(self) -> list[dict[str, Any]]:
        """Every run as a list shows it, from its card alone unless it says that it is being trained."""
        found = []
        for item in self._shelf.items("run"):
            try:
                brief = await asyncio.to_thread(_brief, item)
                if brief["status"] == "running":
                    status = (await self.run(item.name)).status
                    brief |= {"status": status.status, "kimg": status.kimg, "health": status.health}
            except (FacesmithError, NotHere, AttributeError, LookupError, TypeError, ValueError, OSError):
                continue  # a card that cannot be read is of nothing that could be watched
            found.append(brief)
        return found

    async def events(
        self, marks: Mapping[str, str], closing: asyncio.Event
    ) -> AsyncIterator[tuple[dict[str, str], list[Event]]]:
        """What happens in runs, each from its mark on: (the marks so far, events), until ``closing`` is set.

        A mark is that of `mark_of`, or empty for a run of which nothing is known yet. Events are, each with its run's
        name: "status", the run's `RunStatus`; "health", the watch's, when it changes; "metrics", the new rows of
        `Run.curves`; "sheet", one that was drawn; "cut", after which what is known of its measurements and sheets has
        to be asked for anew; and "gone". Nothing for a while is said by no events at all.
        """
        marks, told = dict(marks), dict[str, dict[str, Any]]()
        spoke = time.monotonic()
        self.watchers += 1
        try:
            while marks:
                new = list[Event]()
                for name, mark in list(marks.items()):
                    try:
                        run = await self.run(name)
                        new += [(kind, {"run": name} | about) for kind, about in _news(name, run, mark, told.get(name))]
                        told[name] = asdict(run.status)
                        marks[name] = mark_of(run)
                    except (NotHere, FacesmithError):  # removed, or no longer to be read
                        del marks[name]
                        new.append(("gone", {"run": name}))
                if new or time.monotonic() - spoke >= HEARTBEAT:
                    spoke = time.monotonic()
                    yield dict(marks), new
                if closing.is_set():
                    return
                await _pause(closing)
        finally:
            self.watchers -= 1


def _brief(item: Item) -> dict[str, Any]:
    card = item.card()
    goal = card.get("goal") or {}
    with (item.path / "recipe.toml").open("rb") as file:
        recipe = tomllib.load(file)["recipe"]
    sheets = sorted(path.name for path in (item.path / "samples").glob("[0-9]*.png"))
    return {
        "name": item.name,
        "status": card["status"],
        "recipe": recipe["name"],
        "dataset": card["dataset"]["name"],
        "kimg": card.get("kimg") or 0.0,
        "goal_kimg": goal.get("kimg"),
        "health": card.get("health"),
        "started": card.get("started"),
        "ended": card.get("ended"),
        "sheet": sheet_address(item.name, item.path / "samples" / sheets[-1]) if sheets else None,
    }


def sheet_address(name: str, path: Path) -> str:
    """Where this very sheet of a run is found, so that it may be kept for ever."""
    return f"{API}/runs/{name}/sheets/{path.stem}.png?v={version(path)}"


def mark_of(run: Run) -> str:
    """How far a run has been told of: its tables' last steps, what is measured at the first of them, its last sheet."""
    steps = run.last_steps()
    sheet = run.sheets[-1][1].stem if run.sheets else ""
    return "_".join([*(str(step) for step in steps.values()), run.digest(steps["metrics"]), sheet])


def joined(marks: Mapping[str, str]) -> str:
    """Marks by run as one text without spaces, as `split` takes it apart."""
    return ",".join(f"{name}@{mark}" for name, mark in marks.items())


def split(text: str) -> dict[str, str]:
    """What `joined` put together; names alone have empty marks."""
    return {name: mark for name, _, mark in (part.partition("@") for part in text.split(",") if part)}


def numbers(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[float | None]]]:
    """Tables as JSON has them: six digits are more than a chart shows, and what is no finite number is null."""
    return {
        table: {
            name: [None if value != value or abs(value) == float("inf") else float(f"{value:.6g}") for value in column]
            for name, column in columns.items()
        }
        for table, columns in tables.items()
    }


def _news(name: str, run: Run, mark: str, told: dict[str, Any] | None) -> list[Event]:
    """What has happened in a run since a mark, and since its status was ``told``."""
    found, status = list[Event](), asdict(run.status)
    if status != told:
        found.append(("status", status))
    if told is not None and status["health"] != told["health"]:
        found.append(("health", {key: status[key] for key in ("kimg", "health", "health_text")}))
    since = _read(mark)
    if since is None or mark == mark_of(run):
        return found
    steps, digest, sheet = since
    if steps["metrics"] and run.digest(round(steps["metrics"])) != digest:
        return [*found, ("cut", {})]
    tables = numbers({key: table for key, table in run.curves(steps).items() if len(table.get("step", ()))})
    if tables:
        found.append(("metrics", tables))
    return found + [
        ("sheet", {"kimg": kimg, "sheet": path.stem, "address": sheet_address(name, path)})
        for kimg, path in run.sheets
        if path.stem > sheet
    ]


def _read(mark: str) -> tuple[dict[str, float], str, str] | None:
    """A mark taken apart; None for one that says nothing, or was not made here."""
    parts = mark.split("_")
    if len(parts) != 5 or not all(part.isdecimal() and len(part) < 16 for part in parts[:3]):
        return None
    steps = {table: float(part) for table, part in zip(("metrics", "timing", "scores"), parts[:3], strict=True)}
    return steps, parts[3], parts[4]


async def _pause(closing: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(FRESH):
            await closing.wait()
    except TimeoutError:
        pass
