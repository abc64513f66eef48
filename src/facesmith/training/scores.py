"""Scores during training: KID and FID of the averaged G, within a share of the time, and the best G kept."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.metrics.scores import rank
from facesmith.training import checkpoint, record, runs
from facesmith.training.batches import SCORES, due, latents
from facesmith.training.start import Start

FACES_A_SECOND = 100.0  # how fast scoring is taken to be until it has been measured


class Scores:
    """When to measure a run, and the measuring. ``wanted`` says whether this process measures at all."""

    def __init__(self, here: Start, say: Any) -> None:
        recipe = here.recipe
        self.here, self.say = here, say
        self.wanted = recipe.score_kimg > 0 and here.team.leads
        self.plan()
        self.began, self.spent, self.cost = time.monotonic(), 0.0, recipe.score_count / FACES_A_SECOND
        known = here.run.best.exists()  # its score, not the record's, which a rollback or a resumed run has cut
        self.best = rank(checkpoint.read_card(here.run.best)["score"]) if known else (True, float("inf"))
        self.scorer: Any = None

    def plan(self) -> None:
        """Set the moment of the next score, from what has been shown."""
        self.next = due(self.here.recipe.score_kimg, self.here.progress.shown) if self.wanted else 0.0

    def due(self) -> bool:
        """Whether the interval has passed, and another score would keep within `Recipe.score_share` of the time."""
        if not self.wanted or self.here.progress.shown < self.next:
            return False
        return self.spent + self.cost <= self.here.recipe.score_share * (time.monotonic() - self.began)

    def measure(self, writer: Any) -> None:
        """Score the averaged G on always the same latents, write a line, and keep G if it is the best so far."""
        here, began = self.here, time.monotonic()
        if self.scorer is None and not self._prepare():
            return
        score = self.scorer.score(self._draw)
        where = {"step": here.progress.step, "kimg": here.progress.kimg, "seconds": round(here.progress.seconds, 2)}
        runs.append_line(here.run.scores, where | score)
        for name, value in score.items():
            writer.add_scalar(name, value, here.progress.step)
        if rank(score) < self.best:
            self.best = rank(score)
            checkpoint.save_best(here.run.best, here.players, here.progress, score)
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
        """Load the feature network and the real side; without the package, say so once and train on."""
        began = time.monotonic()
        try:
            from facesmith.metrics.scoring import Scorer

            self.scorer = Scorer(self.here.dataset, count=self.here.recipe.score_count, device=self.here.players.device)
        except FacesmithError as error:
            self.wanted = False
            self.say(f"this run is not scored: {error}")
            return False
        self.spent += time.monotonic() - began
        return True

    def _draw(self, start: int, count: int) -> NDArray[np.uint8]:
        """Faces ``start`` to ``start + count`` of the run's scoring latents."""
        here = self.here
        key = (SCORES, start, count)
        return record.draw(here.players.average, latents(here.recipe, count, here.players.device, *key))
