"""Scores during training, within a share of its time, and the best network kept."""

import time
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.runs import run_folder as runs
from facesmith.training import checkpoint
from facesmith.training.sampling import due
from facesmith.training.start import Start

FACES_A_SECOND = 100.0  # how fast scoring is taken to be until it has been measured


class Scores:
    """When to measure a run, and the measuring. ``wanted`` says whether this process measures at all."""

    def __init__(self, here: Start, say: Any) -> None:
        recipe = here.recipe
        self.here, self.say = here, say
        self.wanted = recipe.score_kimg > 0 and here.group.is_rank_zero
        self.plan()
        self.began, self.spent, self.cost = time.monotonic(), 0.0, recipe.score_count / FACES_A_SECOND
        known = here.run.best.exists()  # its score, not the record's, which a rollback or a resumed run has cut
        self.best = here.task.rank(checkpoint.read_card(here.run.best)["score"]) if known else (float("inf"),)
        self.ready = False

    def plan(self) -> None:
        """Set the moment of the next score, from what has been shown."""
        self.next = due(self.here.recipe.score_kimg, self.here.progress.images_seen) if self.wanted else 0.0

    def due(self) -> bool:
        """Whether the interval has passed, and another score would keep within `Recipe.score_share` of the time."""
        if not self.wanted or self.here.progress.images_seen < self.next:
            return False
        return self.spent + self.cost <= self.here.recipe.score_share * (time.monotonic() - self.began)

    def measure(self, writer: Any) -> None:
        """Score the averaged network, write a line, and keep the network if it is the best so far."""
        here, began = self.here, time.monotonic()
        if not self.ready and not self._prepare():
            return
        score = here.task.score(here.state)
        where = {"step": here.progress.step, "kimg": here.progress.kimg, "seconds": round(here.progress.seconds, 2)}
        runs.append_line(here.run.scores, where | score)
        for name, value in score.items():
            writer.add_scalar(name, value, here.progress.step)
        if here.task.rank(score) < self.best:
            self.best = here.task.rank(score)
            checkpoint.save_best(here.run.best, here.state, here.progress, score)
        self.cost = time.monotonic() - began
        self.spent += self.cost
        self.plan()

    def finish(self, writer: Any) -> None:
        """Score what the run ends with, if it was long enough to be scored at all."""
        lines = runs.read_lines(self.here.run.scores)
        new = not lines or lines[-1]["step"] < self.here.progress.step
        if self.wanted and new and self.here.progress.kimg >= self.here.recipe.score_kimg:
            self.measure(writer)

    def _prepare(self) -> bool:
        """Load what scoring takes; where it cannot be had, say so once and train on."""
        began = time.monotonic()
        try:
            self.here.task.prepare_scores()
        except FacesmithError as error:
            self.wanted = False
            self.say(f"this run is not scored: {error}")
            return False
        self.ready = True
        self.spent += time.monotonic() - began
        return True
