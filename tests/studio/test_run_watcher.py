import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from facesmith.files import read_json, write_json
from facesmith.runs.json_lines import append_line, cut_lines
from facesmith.studio import run_watcher
from facesmith.studio.errors import NotFound
from facesmith.studio.registry import Registry
from facesmith.studio.run_watcher import Event, RunWatcher, format_marks, parse_marks, run_mark


@pytest.fixture
def runs(small_run: Path, tmp_path: Path) -> Path:
    """Return a folder with the runs ``going``, which is training, and ``done``."""
    for name in ("going", "done"):
        shutil.copytree(small_run, tmp_path / name, ignore=shutil.ignore_patterns("tensorboard", "checkpoints"))
    card = read_json(tmp_path / "going" / "run.json", "card")
    write_json(tmp_path / "going" / "run.json", card | {"status": "running", "ended": None})
    return tmp_path


def _measures(run: Path, step: int, loss: float = 1.0, health: str = "healthy") -> None:
    line: dict[str, float | str] = {"step": step, "kimg": step * 0.032, "loss_D": loss, "loss_G": 1.0, "health": health}
    append_line(run / "metrics.jsonl", line)
    append_line(run / "timing.jsonl", {"step": step, "kimg": step * 0.032, "seconds": step, "images_per_second": 32.0})


async def _next(stream: AsyncIterator[tuple[dict[str, str], list[Event]]]) -> tuple[dict[str, str], list[Event]]:
    async with asyncio.timeout(30):
        return await anext(stream)


def test_events_contain_only_changes_after_a_mark(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watcher, "MAX_AGE_SECONDS", 0.01)

    async def ask() -> None:
        watcher, closing = RunWatcher(Registry([str(runs)])), asyncio.Event()
        stream = watcher.events({"going": "", "done": ""}, closing)
        marks, first = await _next(stream)
        assert [(kind, about["run"]) for kind, about in first] == [("status", "going"), ("status", "done")]
        assert watcher.watchers == 1
        _measures(runs / "going", 20)
        _measures(runs / "going", 30, health="discriminator is winning")
        shutil.copy(next((runs / "going" / "samples").iterdir()), runs / "going" / "samples" / "000000.960.png")
        events: list[Event] = []
        while not {kind for kind, _ in events} >= {"status", "health", "verdict", "metrics", "sheet"}:
            later, new = await _next(stream)
            events += new
        assert {about["run"] for _, about in events} == {"going"}
        steps = [step for kind, about in events if kind == "metrics" for step in about["metrics"]["step"]]
        assert steps == [20, 30]
        (sheet,) = [about for kind, about in events if kind == "sheet"]
        assert (sheet["kimg"], sheet["address"].partition("?")[0]) == (
            0.96,
            "/api/v1/runs/going/sheets/000000.960.png",
        )
        (health,) = [about for kind, about in events if kind == "health"]
        assert health["health"] == "discriminator is winning"
        closing.set()
        with pytest.raises(StopAsyncIteration):
            while True:
                await _next(stream)
        assert watcher.watchers == 0

        # A client that reconnects to another server gets only the missing events.
        reconnected = RunWatcher(Registry([str(runs)])).events(parse_marks(format_marks(marks)), asyncio.Event())
        _, missed_events = await _next(reconnected)
        assert [kind for kind, _ in missed_events] == ["status", "metrics", "sheet", "status"]
        assert missed_events[1][1]["metrics"]["step"] == [20, 30]
        current = RunWatcher(Registry([str(runs)])).events(parse_marks(format_marks(later)), asyncio.Event())
        assert {kind for kind, _ in (await _next(current))[1]} == {"status"}

    asyncio.run(ask())


def test_a_rollback_sends_a_cut_event(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watcher, "MAX_AGE_SECONDS", 0.01)

    async def ask() -> None:
        run = runs / "going"
        _measures(run, 20)
        _measures(run, 30)
        watcher = RunWatcher(Registry([str(runs)]))
        mark = run_mark(await watcher.run("going"))
        for loss, expected in ((1.0, []), (2.0, ["cut"])):  # a resume writes the same values, a rollback does not
            cut_lines(run / "metrics.jsonl", 20)
            _measures(run, 30, loss)
            stream = RunWatcher(Registry([str(runs)])).events({"going": mark}, asyncio.Event())
            _, new = await _next(stream)
            assert [kind for kind, _ in new if kind in ("cut", "metrics")] == expected
        cut_lines(run / "metrics.jsonl", 20)
        _, new = await _next(RunWatcher(Registry([str(runs)])).events({"going": mark}, asyncio.Event()))
        assert "cut" in [kind for kind, _ in new]

    asyncio.run(ask())


def test_a_removed_run_sends_a_gone_event(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watcher, "MAX_AGE_SECONDS", 0.01)

    async def ask() -> None:
        run_registry = Registry([str(runs)])
        stream = RunWatcher(run_registry).events({"done": ""}, asyncio.Event())
        await _next(stream)
        shutil.rmtree(runs / "done")
        assert [kind for kind, _ in (await _next(stream))[1]] == ["gone"]
        with pytest.raises(StopAsyncIteration):
            await _next(stream)

    asyncio.run(ask())


def test_a_snapshot_does_not_change_during_a_refresh(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watcher, "MAX_AGE_SECONDS", 0.0)

    async def ask() -> None:
        watcher = RunWatcher(Registry([str(runs)]))
        before = await watcher.run("going")
        mark = run_mark(before)
        _measures(runs / "going", 20)
        assert run_mark(await watcher.run("going")) != mark
        assert (run_mark(before), before.last_steps()["metrics"]) == (mark, 10)

    asyncio.run(ask())


def test_a_run_is_read_once_a_second_at_most(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        watcher, reads = RunWatcher(Registry([str(runs)])), list[str]()
        run_copies = await asyncio.gather(*(watcher.run("going") for _ in range(20)))
        assert len({id(run.data) for run in run_copies}) == 1
        monkeypatch.setattr(type(run_copies[0]), "refresh", lambda run: reads.append(run.path.name))
        await asyncio.gather(*(watcher.run("going") for _ in range(20)))
        assert reads == []
        monkeypatch.setattr(run_watcher, "MAX_AGE_SECONDS", 0.0)
        await watcher.run("going")
        assert reads == ["going"]
        with pytest.raises(NotFound):
            await watcher.run("nothing")

    asyncio.run(ask())


def test_invalid_marks_are_handled(runs: Path) -> None:
    async def ask() -> None:
        for mark in (
            "",
            "x",
            "1_2_3",
            "1_2_3_4_5_6",
            "-1_0_0__",
            "9" * 20 + "_0_0__",
            "1e3_0_0__",
            "99_99_99_00000000_",
        ):
            stream = RunWatcher(Registry([str(runs)])).events({"done": mark}, asyncio.Event())
            _, new = await _next(stream)
            assert new[0][0] == "status", mark

    asyncio.run(ask())
