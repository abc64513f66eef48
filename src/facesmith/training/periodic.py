"""Actions that are due from time to time: checkpoints, and scores within a share of the training time."""

import time
from collections.abc import Callable
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.runs.checkpoints import read_metadata
from facesmith.runs.json_lines import append_line, read_lines
from facesmith.training.checkpoint import save, save_best
from facesmith.training.recorder import Recorder
from facesmith.training.schedules import next_due
from facesmith.training.session import TrainingContext
from facesmith.training.train_state import is_finite

ASSUMED_FACES_PER_SECOND = 100.0  # until the first score has been timed


class CheckpointSchedule:
    """Writes a checkpoint every ``checkpoint_kimg``, and at the end."""

    def __init__(self, context: TrainingContext, recorder: Recorder) -> None:
        self.context, self.recorder = context, recorder
        self.reset()

    def reset(self) -> None:
        """Continue from the context's progress, at the start and after a rollback."""
        self._next = next_due(self.context.recipe.checkpoint_kimg, self.context.progress.images_seen)

    def save_if_due(self) -> None:
        """Save unless a weight is not finite: then the next line of the metrics reports the divergence."""
        if self.context.progress.images_seen >= self._next:
            self.save()
            self.reset()

    def save(self) -> bool:
        """Save a checkpoint. Returns whether all weights are finite; otherwise nothing is written."""
        context = self.context
        self.recorder.flush()
        finite = is_finite(context.state)
        if finite and context.group.is_rank_zero:
            save(context.run, context.state, context.progress, context.recipe.keep)
            context.write_card()  # it names the checkpoint, so that a missing one is noticed
        return finite


class ScoreSchedule:
    """Measures the run's scores every ``score_kimg``, as long as they take no more than ``score_share`` of the time."""

    def __init__(self, context: TrainingContext, recorder: Recorder, notify: Callable[[str], Any]) -> None:
        self.context, self.recorder, self.notify = context, recorder, notify
        self.enabled = context.recipe.score_kimg > 0 and context.group.is_rank_zero
        self._start, self._seconds = time.monotonic(), 0.0  # of training, and spent on scores
        self._cost = context.recipe.score_count / ASSUMED_FACES_PER_SECOND  # seconds of the next score
        # The score in the file counts, not those in scores.jsonl, which a rollback or a resume may have cut.
        best = read_metadata(context.run.best)["score"] if context.run.best.exists() else None
        self._best_key = context.task.score_key(best) if best else (float("inf"),)
        self._is_prepared = False
        if self.enabled:
            self._try(context.task.check_scores)  # before the run starts, not when the first score is due
        self.reset()

    def reset(self) -> None:
        """Continue from the context's progress, at the start and after a rollback."""
        context = self.context
        self._next = next_due(context.recipe.score_kimg, context.progress.images_seen) if self.enabled else 0.0

    def measure_if_due(self) -> None:
        if not self.enabled or self.context.progress.images_seen < self._next:
            return
        if self._seconds + self._cost <= self.context.recipe.score_share * (time.monotonic() - self._start):
            self.measure()

    def measure_last(self) -> None:
        """Score the end of a run that was long enough to be scored at all."""
        if not self.enabled or self.context.progress.kimg < self.context.recipe.score_kimg:
            return
        lines = read_lines(self.context.run.scores)
        if not lines or lines[-1]["step"] < self.context.progress.step:
            self.measure()

    def measure(self) -> None:
        """Score the EMA, write a line, and keep the EMA if it is the best so far."""
        context, start = self.context, time.monotonic()
        if not self._is_prepared:
            if not self._try(context.task.prepare_scores):
                return
            self._is_prepared = True
        prepared_at = time.monotonic()
        score, progress = context.task.score(context.state), context.progress
        position = {"step": progress.step, "kimg": progress.kimg, "seconds": round(progress.seconds, 2)}
        append_line(context.run.scores, position | score)
        self.recorder.write_scalars(score)
        key = context.task.score_key(score)
        if key < self._best_key:
            self._best_key = key
            save_best(context.run, context.state, progress, score)
        end = time.monotonic()
        self._cost = end - prepared_at  # the next score needs no preparation
        self._seconds += end - start
        self.reset()

    def _try(self, preparation: Callable[[], None]) -> bool:
        """Return whether a preparation succeeds. If not, report it and train without scores."""
        try:
            preparation()
        except FacesmithError as error:
            self.enabled = False
            self.notify(f"this run will not be scored: {error}")
        return self.enabled
