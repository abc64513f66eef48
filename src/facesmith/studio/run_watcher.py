"""Watch runs: each is read once a second at most, however many clients watch it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from facesmith import Run, open_run, summarize_run
from facesmith.errors import FacesmithError
from facesmith.studio.errors import NotFound
from facesmith.studio.file_responses import file_version
from facesmith.studio.registry import Registry
from facesmith.studio.settings import API

MAX_AGE_SECONDS = 1.0  # of a run that was read, before it is read again
MAX_RUNS = 64  # kept in memory
HEARTBEAT_SECONDS = 15.0  # without an event, before a heartbeat keeps the connection open

OLD_NAMES = {"verdict": "health", "watch": "health_text", "story": "health_history"}  # of fields of a status

Event = tuple[str, dict[str, Any]]


@dataclass(eq=False)
class _WatchedRun:
    path: Path
    run: Run | None = None
    read_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RunWatcher:
    """Reads the runs of a registry. Used only in the thread of the event loop; files are read in other threads."""

    def __init__(self, registry: Registry, api: str = API) -> None:
        self._registry, self._api = registry, api
        self._runs: OrderedDict[str, _WatchedRun] = OrderedDict()  # least recently used first
        self.watchers = 0

    async def run(self, name: str) -> Run:
        """Return a snapshot of a run. Raises `NotFound` if there is none of that name."""
        item = self._registry.find(name, "run")
        item.require_version()
        entry = self._runs.get(name)
        if entry is None or entry.path != item.path:
            entry = self._runs[name] = _WatchedRun(item.path)
            while len(self._runs) > MAX_RUNS:
                self._runs.popitem(last=False)
        self._runs.move_to_end(name)
        async with entry.lock:
            if entry.run is None:
                entry.run = await asyncio.to_thread(open_run, entry.path)
                entry.read_at = time.monotonic()
            elif time.monotonic() - entry.read_at >= MAX_AGE_SECONDS:
                await asyncio.to_thread(entry.run.refresh)
                entry.read_at = time.monotonic()
            return copy(entry.run)  # does not change while another thread refreshes the original

    async def summaries(self) -> list[dict[str, Any]]:
        """Return every run as a list shows it. Only runs that train are read beyond their cards."""
        summaries = []
        for item in self._registry.items("run"):
            try:
                summary = asdict(await asyncio.to_thread(summarize_run, item.path))
                if summary["status"] == "running":
                    status = (await self.run(item.name)).status
                    summary |= {"status": status.status, "kimg": status.kimg, "health": status.health}
            except (FacesmithError, NotFound):
                continue  # a run with an unreadable card cannot be shown
            sheet = summary["sheet"]
            address = sheet and self.sheet_address(item.name, sheet)
            summaries.append(summary | {"name": item.name, "sheet": address, "verdict": summary["health"]})
        return summaries

    def sheet_address(self, name: str, path: Path) -> str:
        """Return the address of this version of a sheet, which may be cached forever."""
        return f"{self._api}/runs/{quote(name)}/sheets/{path.stem}.png?v={file_version(path)}"

    async def events(
        self, marks: Mapping[str, str], closing: asyncio.Event
    ) -> AsyncIterator[tuple[dict[str, str], list[Event]]]:
        """Yield what happens in runs after their marks, as (new marks, events), until ``closing`` is set.

        A mark is that of `run_mark`, or "" for a run of which nothing is known yet. Each event names its run: "status"
        (see `status_json`), "health" (it has changed), "metrics" (new rows of `Run.curves`), "sheet" (a new
        sample sheet), "cut" (measurements and sheets sent before are no longer valid), and "gone". A heartbeat has no
        events.
        """
        marks, statuses = dict(marks), dict[str, dict[str, Any]]()
        last_event = time.monotonic()
        self.watchers += 1
        try:
            while marks:
                events = list[Event]()
                for name, mark in list(marks.items()):
                    try:
                        run = await self.run(name)
                        events += [
                            (kind, {"run": name} | data)
                            for kind, data in self._news(name, run, mark, statuses.get(name))
                        ]
                        statuses[name] = status_json(run)
                        marks[name] = run_mark(run)
                    except (NotFound, FacesmithError):  # removed or unreadable
                        del marks[name]
                        events.append(("gone", {"run": name}))
                if events or time.monotonic() - last_event >= HEARTBEAT_SECONDS:
                    last_event = time.monotonic()
                    yield dict(marks), events
                if closing.is_set():
                    return
                await _pause(closing)
        finally:
            self.watchers -= 1

    def _news(self, name: str, run: Run, mark: str, last_status: dict[str, Any] | None) -> list[Event]:
        """Return what has happened in a run since a mark and since its last status was sent."""
        events, status = list[Event](), status_json(run)
        if status != last_status:
            events.append(("status", status))
        if last_status is not None and status["health"] != last_status["health"]:
            events.append(("health", {key: status[key] for key in ("kimg", "health", "health_text")}))
            events.append(("verdict", {key: status[key] for key in ("kimg", "verdict", "watch")}))  # its name in 0.1
        since = _parse_mark(mark)
        if since is None or mark == run_mark(run):
            return events
        steps, digest, last_sheet = since
        if steps["metrics"] and run.digest(round(steps["metrics"])) != digest:
            return [*events, ("cut", {})]
        tables = json_tables({key: table for key, table in run.curves(steps).items() if len(table.get("step", ()))})
        if tables:
            events.append(("metrics", tables))
        return events + [
            ("sheet", {"kimg": kimg, "sheet": path.stem, "address": self.sheet_address(name, path)})
            for kimg, path in run.sheets
            if path.stem > last_sheet
        ]


def status_json(run: Run) -> dict[str, Any]:
    """Return the fields of a run's `RunStatus`, also under the names they had in version 0.1."""
    status = asdict(run.status)
    return status | {old: status[new] for old, new in OLD_NAMES.items()}


def run_mark(run: Run) -> str:
    """Return a text that says how far a client knows a run: the last steps, a digest of that step, the last sheet."""
    steps = run.last_steps()
    sheet = run.sheets[-1][1].stem if run.sheets else ""
    return "_".join([*(str(step) for step in steps.values()), run.digest(steps["metrics"]), sheet])


def format_marks(marks: Mapping[str, str]) -> str:
    """Return marks by run as one text of ASCII without spaces, which `parse_marks` reads."""
    return ",".join(f"{quote(name)}@{mark}" for name, mark in marks.items())


def parse_marks(text: str) -> dict[str, str]:
    """Parse the text of `format_marks`; a name alone has an empty mark."""
    return {unquote(name): mark for name, _, mark in (part.partition("@") for part in text.split(",") if part)}


def json_tables(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[float | None]]]:
    """Convert tables to JSON: numbers with six digits, and null for what is not finite."""
    return {
        table: {
            name: [None if value != value or abs(value) == float("inf") else float(f"{value:.6g}") for value in column]
            for name, column in columns.items()
        }
        for table, columns in tables.items()
    }


def _parse_mark(mark: str) -> tuple[dict[str, float], str, str] | None:
    """Return the last steps, digest and sheet of a mark; None for an empty or invalid one."""
    parts = mark.split("_")
    if len(parts) != 5 or not all(part.isdecimal() and len(part) < 16 for part in parts[:3]):
        return None
    steps = {table: float(part) for table, part in zip(("metrics", "timing", "scores"), parts[:3], strict=True)}
    return steps, parts[3], parts[4]


async def _pause(closing: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(MAX_AGE_SECONDS):
            await closing.wait()
    except TimeoutError:
        pass
