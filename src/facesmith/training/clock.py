"""The clock of a session: training time, the goal, the time limit, and the estimate of how long it takes."""

import time
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.machine import peak_memory
from facesmith.training.context import TrainingContext

WARM_UP_STEPS = 2  # not timed
TIMED_STEPS = 8  # penalties are computed every 4th step, so this includes their share


class Clock:
    """Counts training time over all sessions. ``goal`` is in images; ``limit`` in seconds, infinite without one."""

    def __init__(self, context: TrainingContext, minutes: float | None) -> None:
        self.context = context
        self.goal = round(context.recipe.kimg * 1000)
        self.limit = float("inf") if minutes is None else minutes * 60
        self._start = time.monotonic() - context.progress.seconds
        self._steps = 0
        self._timed_since = 0.0
        if self.goal_reached or self.time_is_up:
            raise FacesmithError(
                f"{context.run.path} has already trained for {context.progress.kimg:g} kimg in "
                f"{context.progress.seconds / 60:.1f} minutes: set a longer --kimg or --minutes to continue"
            )

    @property
    def goal_reached(self) -> bool:
        return self.context.progress.images_seen >= self.goal

    @property
    def time_is_up(self) -> bool:
        return self.context.progress.seconds >= self.limit

    def update(self) -> None:
        """Update the training time in the run's progress."""
        self.context.progress.seconds = time.monotonic() - self._start

    def images_until_end(self, rate: float) -> float:
        """Return how many more images will be seen at ``rate`` images per second."""
        progress = self.context.progress
        return min(self.goal - progress.images_seen, rate * (self.limit - progress.seconds))

    def estimate(self, recorder: Any) -> dict[str, float] | None:
        """Count a step. Returns images per second and memory once the first steps have been timed, else None.

        ``recorder.flush()`` waits until the device has done the steps.
        """
        self._steps += 1
        if self._steps == WARM_UP_STEPS:
            recorder.flush()
            self._timed_since = time.monotonic()
        if self._steps != WARM_UP_STEPS + TIMED_STEPS:
            return None
        recorder.flush()
        rate = TIMED_STEPS * self.context.recipe.batch_size / (time.monotonic() - self._timed_since)
        return {"images_per_second": round(rate, 1), "memory_gb": peak_memory(self.context.state.device) / 1e9}
