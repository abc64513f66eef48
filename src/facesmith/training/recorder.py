"""What a run records as it trains: metrics, timing, TensorBoard events, sample sheets, and the progress bar."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facesmith.extras import require
from facesmith.files import finished_files, printable
from facesmith.images.grid import save_image
from facesmith.images.video import write_video
from facesmith.machine import peak_memory
from facesmith.progress import Bar, move_bar, tell
from facesmith.progress import progress as progress_bar
from facesmith.runs.json_lines import append_line, read_lines
from facesmith.training.collapse import Health, detect, update
from facesmith.training.schedules import next_due
from facesmith.training.session import Clock, TrainingContext, images_per_second


class Recorder:
    """Collects the measurements of steps and writes them; on other ranks than 0 it writes nothing."""

    def __init__(self, context: TrainingContext, clock: Clock, writer: Any, bar: Bar) -> None:
        self.context, self.clock, self.writer, self.bar = context, clock, writer, bar
        self.reset()

    def reset(self) -> None:
        """Continue from the context's progress, at the start and after a rollback."""
        context = self.context
        self.health: Health = context.group.on_rank_zero(
            lambda: detect(read_lines(context.run.metrics), context.recipe)
        )
        self._pending: list[dict[str, Tensor]] = []
        self._line_start, self._line_images = time.monotonic(), context.progress.images_seen
        move_bar(self.bar, context.progress.images_seen)
        self._next_sheet = next_due(context.recipe.tick_kimg, context.progress.images_seen)

    def add(self, metrics: dict[str, Tensor]) -> None:
        """Take the measurements of a step, and those that the task makes from time to time."""
        context = self.context
        self._pending.append(metrics)
        self.bar.update(context.recipe.batch_size)
        if context.progress.step % context.recipe.watch_steps == 0:
            self._pending.append(context.task.occasional_metrics(context.state))

    def flush(self) -> None:
        """Add pending measurements, averaged over all processes, to the sums of the next line. Waits for the device."""
        if not self._pending:
            return
        values = torch.stack([value.float() for metrics in self._pending for value in metrics.values()])
        self.context.group.all_reduce_mean([values])
        numbers = iter(values.tolist())  # one wait for the device, not one for each value
        sums = self.context.progress.metric_sums
        for metrics in self._pending:
            for name in metrics:
                total, count = sums.get(name, [0.0, 0])
                sums[name] = [total + next(numbers), count + 1]
        self._pending.clear()

    @property
    def line_is_due(self) -> bool:
        """Reading measurements waits for the device, so a line is not written at every step."""
        return self.context.progress.step % self.context.recipe.log_steps == 0

    def write_line(self) -> Health:
        """Write a line of metrics and one of timing. Returns the health after it."""
        self.flush()
        means = self._write_metrics()
        rate = self._write_timing()
        self.bar.total = round(self.context.progress.images_seen + self.clock.images_until_end(rate))
        self.bar.set_postfix_str(f"{self.health.status}; {self.context.task.progress_text(means)}", refresh=False)
        return self.health

    def _write_metrics(self) -> dict[str, float]:
        """Write the means since the last line. The clock does not enter: a resumed run writes an identical file."""
        context, progress = self.context, self.context.progress
        means = {name: total / count for name, (total, count) in progress.metric_sums.items()}
        progress.metric_sums = {}
        epoch = round(progress.images_seen / len(context.dataset), 4)
        line = {"step": progress.step, "kimg": progress.kimg, "epoch": epoch, **means}
        self.health = update(self.health, line, context.recipe)
        if context.group.is_rank_zero:
            append_line(context.run.metrics, line | {"health": self.health.status})
        self.write_scalars(means)
        return means

    def _write_timing(self) -> float:
        """Write time, speed and memory. Returns images per second since the last line."""
        context, progress = self.context, self.context.progress
        rate = images_per_second(progress.images_seen - self._line_images, self._line_start)
        self._line_start, self._line_images = time.monotonic(), progress.images_seen
        line = {
            "step": progress.step,
            "kimg": progress.kimg,
            "seconds": round(progress.seconds, 2),
            "images_per_second": rate,
            "memory_gb": round(peak_memory(context.state.device) / 1e9, 3),
        }
        if context.group.is_rank_zero:
            append_line(context.run.timing, line)
        self.write_scalars({"images_per_second": rate})
        return rate

    def write_scalars(self, values: dict[str, float]) -> None:
        """Write values to TensorBoard."""
        for name, value in values.items() if self.writer else ():
            self.writer.add_scalar(name, value, self.context.progress.step)

    def add_health_event(self) -> None:
        """Add the present health to the run's card, which is written with the next sheet or at the end."""
        progress, health = self.context.progress, self.health
        self.context.card["health"] = health.status
        self.context.card["health_events"].append(
            {"step": progress.step, "kimg": progress.kimg, "health": health.status, "since": health.since,
             "rollbacks": progress.rollbacks, "lr_scale": progress.lr_scale}
        )  # fmt: skip

    def draw_sheet_if_due(self) -> None:
        if self.context.progress.images_seen >= self._next_sheet:
            self.draw_sheet()
            self._next_sheet = next_due(self.context.recipe.tick_kimg, self.context.progress.images_seen)
            self.context.write_card()

    def draw_sheet(self) -> None:
        """Write the sample sheet."""
        context = self.context
        if context.group.is_rank_zero:
            sheet = context.task.sample_sheet(context.state)
            save_image(sheet, context.run.sample(context.progress.kimg), context.task.marks)
            if self.writer:
                self.writer.add_image("samples", np.asarray(sheet), context.progress.step, dataformats="HWC")


@contextmanager
def open_recorder(context: TrainingContext, clock: Clock, show_bar: bool) -> Iterator[Recorder]:
    """Open TensorBoard and the progress bar. TensorBoard hides what an earlier session wrote after this step."""
    require("tensorboard", "train", "training")
    from torch.utils.tensorboard import SummaryWriter

    is_writing, step = context.group.is_rank_zero, context.progress.step
    folder = str(context.run.tensorboard)
    if is_writing and printable(folder) != folder:
        tell(
            f"TensorBoard cannot write to {folder} because its name is not UTF-8; metrics.jsonl contains the same "
            "numbers"
        )
        is_writing = False
    writer: Any = SummaryWriter(folder, purge_step=step or None) if is_writing else None
    try:
        with progress_bar(clock.goal, context.recipe.name, shown=show_bar) as bar:
            yield Recorder(context, clock, writer, bar)
    finally:
        if writer:
            writer.close()


def write_final_images(context: TrainingContext) -> None:
    """Write the video of the sample sheets, as MP4 and GIF, and the images of the task."""
    marks = context.task.marks
    comment = marks.comment() if marks else ""
    write_video(finished_files(context.run.samples, ".png"), context.run.video, context.run.animation, comment=comment)
    for name, image in context.task.final_images(context.state).items():
        save_image(image, context.run.path / name, marks)
