"""Trainings that visitors start, where that is allowed: processes of their own, which are told to stop by SIGINT."""

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

from facesmith.errors import FacesmithError
from facesmith.studio.errors import Busy, NotHere, Problem
from facesmith.studio.registry import CARDS, Shelf
from facesmith.studio.settings import Settings

MOST = 4  # trainings at a time
BELOW = 10  # how much nicer they are than who makes faces for visitors
LINES, LETTERS = 20, 400  # kept of what they say
FIRST_SECONDS = 90.0  # to wait for a training to begin, or to say why it does not


@dataclass(eq=False)
class Training:
    """One process, and the last lines it said. ``code`` is how it ended, None while it goes on."""

    process: Process
    said: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    told: bool = False  # to stop
    reader: "asyncio.Task[None] | None" = None

    @property
    def code(self) -> int | None:
        return self.process.returncode

    def sentence(self) -> str:
        """Why it ended."""
        for line in reversed(self.said):
            found = re.match(r"(?:facesmith|Error): (.+)", line)
            if found:
                return found[1]
        if self.code is not None and self.code < 0:
            return f"training was ended by {signal.Signals(-self.code).name}"
        return self.said[-1] if self.said else f"training ended with code {self.code}"


class Trainings:
    """The trainings of a studio by the names of their runs. Used from one thread, the loop's."""

    def __init__(self, settings: Settings, shelf: Shelf) -> None:
        self._settings, self._shelf = settings, shelf
        self._started: dict[str, Training] = {}
        self._starting = asyncio.Lock()
        self._written = set[Path]()

    @property
    def allowed(self) -> bool:
        return self._settings.allow_training

    def check(self) -> None:
        """`Problem` where visitors may change nothing."""
        if not self.allowed:
            raise Problem(403, "nothing may be trained or written here: start the studio with --allow-training for it")

    def find(self, name: str) -> Training | None:
        """The newest training of a run that was started from here."""
        return self._started.get(name)

    def going(self, name: str) -> bool:
        found = self.find(name)
        return found is not None and found.code is None

    def place(self, name: str) -> Path:
        """Where a new run of that name goes: into the first folder that was given for many things."""
        folders = [Path(text).expanduser() for text in self._settings.paths] or [Path.cwd() / "runs"]
        many = [
            folder
            for folder in folders
            if (folder.is_dir() or not self._settings.paths)
            and not any((folder / card).exists() for card in CARDS.values())
        ]
        if not many:
            raise Problem(400, "there is no folder to put runs in: give the studio one, not only single runs or models")
        path = many[0].resolve() / name
        if path.exists() or any(item.name == name for item in self._shelf.items("run")):
            raise Problem(400, f"there is a {name} already: choose another name")
        return path

    async def start(self, name: str, words: Sequence[str], begun: Callable[[], bool]) -> bool:
        """Run ``facesmith train`` with these words for the run of that name; whether it has ``begun`` after a while.

        Raises `FacesmithError` with its sentence where it ends before it has begun, and `Busy` where too many go on.
        """
        self.check()
        async with self._starting:
            if self.going(name):
                raise Problem(400, f"{name} is being trained already")
            if sum(training.code is None for training in self._started.values()) >= MOST:
                raise Busy(f"{MOST} trainings are going on here: stop one, or wait until it ends", 60)
            training = Training(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "facesmith", "train", *words,
                    stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True,  # Ctrl-C is for the studio
                )
            )  # fmt: skip
            self._started[name] = training
        training.reader = asyncio.create_task(_listen(training))
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, training.process.pid, os.getpriority(os.PRIO_PROCESS, 0) + BELOW)
        waited = 0.0
        while waited < FIRST_SECONDS:
            if begun():
                return True
            if training.code is not None:
                await training.reader
                if training.code == 0:
                    return True
                raise FacesmithError(training.sentence())
            await asyncio.sleep(0.2)
            waited += 0.2
        return False

    def stop(self, name: str) -> None:
        """Tell a run's training to save and end, once; `NotHere` where none that was started here goes on."""
        self.check()
        training = self.find(name)
        if training is None or training.code is not None:
            raise NotHere(f"no training of {name} that was started here is going on: stop it where it runs, by Ctrl-C")
        if not training.told:
            training.told = True
            training.process.send_signal(signal.SIGINT)

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """While a page is written into a folder; `Problem` where that is not allowed, `Busy` where it is being done."""
        self.check()
        if path in self._written:
            raise Busy(f"the page of {path.name} is being made: it will be there in a moment", 10)
        self._written.add(path)
        try:
            yield
        finally:
            self._written.discard(path)

    async def close(self) -> None:
        """Tell all of them to save and end, and wait until they have, for as long as requests in flight are given.

        What then goes on is writing films and reports, and ends by itself.
        """
        left = {name: training for name, training in self._started.items() if training.code is None}
        for name in left:
            if not left[name].told:
                left[name].told = True
                left[name].process.send_signal(signal.SIGINT)
        if left:
            names = ", ".join(left)
            print(f"facesmith: stopping {names}, which can be resumed without loss", file=sys.stderr, flush=True)
            tasks = [training.reader for training in left.values() if training.reader is not None]
            await asyncio.wait(tasks, timeout=self._settings.shutdown_seconds)
            for task in tasks:
                task.cancel()


async def _listen(training: Training) -> None:
    """Keep the last lines of what it says, until it has ended."""
    assert training.process.stderr is not None
    rest = b""
    while part := await training.process.stderr.read(4096):
        *lines, rest = re.split(rb"[\r\n]+", rest[-LETTERS:] + part)
        training.said += [line.decode("utf-8", "replace").strip()[:LETTERS] for line in lines if line.strip()]
    if rest.strip():
        training.said.append(rest.decode("utf-8", "replace").strip()[:LETTERS])
    await training.process.wait()
