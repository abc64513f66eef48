"""A command of facesmith in a process of its own, which runs beside the studio with less priority."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from facesmith.studio.errors import without_folders

NICENESS = 10  # relative to the studio, which computes faces for visitors
MAX_LINES, MAX_LINE_BYTES = 20, 400  # of the output that are kept


@dataclass(eq=False)
class CommandProcess:
    """The process of a command of facesmith, and its last lines of output."""

    process: Process
    arguments: Sequence[str]
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
                return without_folders(match[1])
        if self.code is not None and self.code < 0:
            return f"{self.arguments[0]} was ended by {signal.Signals(-self.code).name}"
        return without_folders(self.lines[-1]) if self.lines else f"{self.arguments[0]} ended with code {self.code}"

    @property
    def progress(self) -> float | None:
        """Return the share that its progress bar shows, or None without one."""
        found = (re.search(r"(\d+)%\|", line) for line in reversed(self.lines))
        return next((int(match[1]) / 100 for match in found if match), None)

    async def ended(self) -> None:
        """Wait until it has ended and its output is read."""
        if self.reader is not None:
            await self.reader

    def stop(self) -> None:
        """Tell the process to end, and a training to save first, once."""
        if not self.stop_requested:
            self.stop_requested = True
            self.process.send_signal(signal.SIGINT)


async def start_process(arguments: Sequence[str]) -> CommandProcess:
    """Run ``facesmith`` with these arguments, with less priority than the studio."""
    process = CommandProcess(
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "facesmith", *arguments,
            stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True,  # Ctrl-C is for the studio
        ),
        arguments,
    )  # fmt: skip
    process.reader = asyncio.create_task(_read_output(process))
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, process.process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    return process


async def _read_output(command: CommandProcess) -> None:
    """Keep the last lines of a command's output until it ends."""
    assert command.process.stderr is not None
    remainder = b""
    while part := await command.process.stderr.read(4096):
        *lines, remainder = re.split(rb"[\r\n]+", remainder[-MAX_LINE_BYTES:] + part)
        command.lines += [line.decode("utf-8", "replace").strip()[:MAX_LINE_BYTES] for line in lines if line.strip()]
    if remainder.strip():
        command.lines.append(remainder.decode("utf-8", "replace").strip()[:MAX_LINE_BYTES])
    await command.process.wait()
