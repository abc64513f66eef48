"""Trainings that visitors start, if that is allowed: separate processes, stopped by SIGINT."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import facesmith
from facesmith.errors import FacesmithError
from facesmith.studio.command_process import CommandProcess, start_process
from facesmith.studio.errors import Busy, NotFound, Problem
from facesmith.studio.registry import Registry
from facesmith.studio.settings import Settings

MAX_TRAININGS = 4  # at a time
START_TIMEOUT_SECONDS = 90.0  # for a run to begin, or to report why it does not


class TrainingJobs:
    """The running trainings of a studio by run name. Used only in the thread of the event loop."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings, self._registry = settings, registry
        self._processes: dict[str, CommandProcess] = {}
        self._starting = asyncio.Lock()
        self._locked_folders = set[Path]()

    @property
    def is_allowed(self) -> bool:
        return self._settings.allow_training

    def check_allowed(self) -> None:
        """Raise `Problem` if visitors may not change anything."""
        if not self.is_allowed:
            raise Problem(403, "training and writing are not allowed: start the studio with --allow-training")

    def find(self, name: str) -> CommandProcess | None:
        """Return the last process of a run that was started here."""
        return self._processes.get(name)

    def is_running(self, name: str) -> bool:
        process = self.find(name)
        return process is not None and process.code is None

    def runs_folder(self) -> Path:
        """Return where new folders are created: the first configured folder that is not itself a run or model."""
        folders = [Path(text).expanduser() for text in self._settings.paths] or [Path.cwd() / "runs"]
        parents = [
            folder
            for folder in folders
            if (folder.is_dir() or not self._settings.paths) and facesmith.artefact_kind(folder) is None
        ]
        if not parents:
            raise Problem(400, "there is no folder for new runs: start the studio with a folder that contains the runs")
        return parents[0].resolve()

    def new_run_path(self, name: str) -> Path:
        """Return the folder of a new run. Raises `Problem` for a name that is used."""
        path = self.runs_folder() / name
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
            training = self._processes[name] = await start_process(["train", *arguments])
        elapsed = 0.0
        while elapsed < START_TIMEOUT_SECONDS:
            if has_started():
                return True
            if training.code is not None:
                await training.ended()
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
            raise NotFound(f"this studio is not training {name}: stop the run with Ctrl-C where it was started")
        training.stop()

    def forget(self, name: str) -> None:
        """Forget the last process of a run that is deleted or renamed."""
        self._processes.pop(name, None)

    @contextmanager
    def changing(self, path: Path) -> Iterator[None]:
        """Lock a folder while it is renamed or deleted. Raises `Problem` if not allowed, or if a training uses it."""
        with self.writing(path):
            for name, training in self._processes.items():
                is_used = any(text.rpartition("=")[2] == str(path) for text in training.arguments)
                if is_used and training.code is None:
                    raise Problem(400, f"{path.name} is used by the run {name}, which is training: stop that run first")
            yield

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Lock a folder while a page is written into it. Raises `Problem` if not allowed, `Busy` if locked."""
        self.check_allowed()
        if path in self._locked_folders:
            raise Busy(f"{path.name} is being written: retry in a moment", 10)
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
