"""Trainings that visitors start, if that is allowed: separate processes, stopped by SIGINT."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import facesmith
from facesmith.errors import FacesmithError
from facesmith.studio.errors import Busy, NotFound, Problem
from facesmith.studio.registry import Registry
from facesmith.studio.settings import Settings

MAX_TRAININGS = 4  # at a time
NICENESS = 10  # relative to the studio, which computes faces for visitors
MAX_LINES, MAX_LINE_BYTES = 20, 400  # of a run's output that are kept
START_TIMEOUT_SECONDS = 90.0  # for a run to begin, or to report why it does not


@dataclass(eq=False)
class TrainingProcess:
    """A training's process and its last lines of output."""

    process: Process
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LINES))
    stop_requested: bool = False
    reader: "asyncio.Task[None] | None" = None

    @property
    def code(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.process.returncode

    def message(self) -> str:
        """Return why the process ended."""
        for line in reversed(self.lines):
            if match := re.match(r"(?:facesmith|Error): (.+)", line):
                return match[1]
        if self.code is not None and self.code < 0:
            return f"training was ended by {signal.Signals(-self.code).name}"
        return self.lines[-1] if self.lines else f"training ended with code {self.code}"

    def stop(self) -> None:
        """Tell the training to save and end, once."""
        if not self.stop_requested:
            self.stop_requested = True
            self.process.send_signal(signal.SIGINT)


class TrainingJobs:
    """The running trainings of a studio by run name. Used only in the thread of the event loop."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings, self._registry = settings, registry
        self._processes: dict[str, TrainingProcess] = {}
        self._starting = asyncio.Lock()
        self._locked_folders = set[Path]()

    @property
    def is_allowed(self) -> bool:
        return self._settings.allow_training

    def check_allowed(self) -> None:
        """Raise `Problem` if visitors may not change anything."""
        if not self.is_allowed:
            raise Problem(403, "training and writing are not allowed: start the studio with --allow-training")

    def find(self, name: str) -> TrainingProcess | None:
        """Return the last process of a run that was started here."""
        return self._processes.get(name)

    def is_running(self, name: str) -> bool:
        process = self.find(name)
        return process is not None and process.code is None

    def new_run_path(self, name: str) -> Path:
        """Return the folder of a new run: in the first configured folder that is not itself a run or model."""
        folders = [Path(text).expanduser() for text in self._settings.paths] or [Path.cwd() / "runs"]
        parents = [
            folder
            for folder in folders
            if (folder.is_dir() or not self._settings.paths) and facesmith.artefact_kind(folder) is None
        ]
        if not parents:
            raise Problem(400, "there is no folder for new runs: start the studio with a folder that contains the runs")
        path = parents[0].resolve() / name
        if path.exists() or any(item.name == name for item in self._registry.items("run")):
            raise Problem(400, f"{name!r} already exists: choose another name")
        return path

    async def start(self, name: str, arguments: Sequence[str], has_started: Callable[[], bool]) -> bool:
        """Run ``facesmith train`` with these arguments. Return whether it ``has_started`` within the timeout.

        Raises `FacesmithError` with the training's message if it ends before it has started, and `Busy` if too many
        trainings run.
        """
        self.check_allowed()
        async with self._starting:
            if self.is_running(name):
                raise Problem(400, f"{name} is already being trained")
            if sum(process.code is None for process in self._processes.values()) >= MAX_TRAININGS:
                raise Busy(f"{MAX_TRAININGS} runs are already training: stop one, or wait until one ends", 60)
            training = TrainingProcess(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "facesmith", "train", *arguments,
                    stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True,  # Ctrl-C is for the studio
                )
            )  # fmt: skip
            self._processes[name] = training
        training.reader = asyncio.create_task(_read_output(training))
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, training.process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
        elapsed = 0.0
        while elapsed < START_TIMEOUT_SECONDS:
            if has_started():
                return True
            if training.code is not None:
                await training.reader
                if training.code == 0:
                    return True
                raise FacesmithError(training.message())
            await asyncio.sleep(0.2)
            elapsed += 0.2
        return False

    def stop(self, name: str) -> None:
        """Tell a run's training to save and end. Raises `NotFound` if none that was started here is running."""
        self.check_allowed()
        training = self.find(name)
        if training is None or training.code is not None:
            raise NotFound(f"this studio is not training {name}: stop it with Ctrl-C where it was started")
        training.stop()

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Lock a folder while a page is written into it. Raises `Problem` if not allowed, `Busy` if locked."""
        self.check_allowed()
        if path in self._locked_folders:
            raise Busy(f"the report of {path.name} is being written: retry in a moment", 10)
        self._locked_folders.add(path)
        try:
            yield
        finally:
            self._locked_folders.discard(path)

    async def close(self) -> None:
        """Tell all runs to save and end, and wait for that as long as for running requests.

        Trainings that take longer are writing videos and reports, and end by themselves.
        """
        running = {name: training for name, training in self._processes.items() if training.code is None}
        for training in running.values():
            training.stop()
        if running:
            print(f"facesmith: stopping {', '.join(running)} (resumable)", file=sys.stderr, flush=True)
            tasks = [training.reader for training in running.values() if training.reader is not None]
            await asyncio.wait(tasks, timeout=self._settings.shutdown_seconds)
            for task in tasks:
                task.cancel()


async def _read_output(training: TrainingProcess) -> None:
    """Keep the last lines of a run's output until it ends."""
    assert training.process.stderr is not None
    remainder = b""
    while part := await training.process.stderr.read(4096):
        *lines, remainder = re.split(rb"[\r\n]+", remainder[-MAX_LINE_BYTES:] + part)
        training.lines += [line.decode("utf-8", "replace").strip()[:MAX_LINE_BYTES] for line in lines if line.strip()]
    if remainder.strip():
        training.lines.append(remainder.decode("utf-8", "replace").strip()[:MAX_LINE_BYTES])
    await training.process.wait()
