"""The collapse rule: report every change of a run's health, and roll back or stop when it collapses."""

from collections.abc import Callable
from typing import Any, Literal

from facesmith.runs.health import COLLAPSED
from facesmith.training import messages
from facesmith.training.checkpoint import is_finite
from facesmith.training.collapse import Health
from facesmith.training.context import TrainingContext
from facesmith.training.recorder import Recorder
from facesmith.training.rollback import roll_back


class CollapseGuard:
    """Acts on the health after each line of the metrics. ``failure`` is the message when training has to stop."""

    def __init__(self, context: TrainingContext, recorder: Recorder, notify: Callable[[str], Any]) -> None:
        self.context, self.recorder, self.notify = context, recorder, notify
        self.failure: str | None = None
        self._last_status = recorder.health.status

    def check(self, health: Health) -> Literal["continue", "rolled back", "failed"]:
        """Report a changed health; after a collapse, do what the recipe's ``on_collapse`` asks for."""
        context, recipe = self.context, self.context.recipe
        if health.status != self._last_status:
            self.recorder.bar.clear()
            self.recorder.add_health_event()
            self.notify(messages.health_change(context, health))
        self._last_status = health.status
        if health.status not in COLLAPSED or (recipe.on_collapse == "warn" and is_finite(context.state)):
            return "continue"
        if recipe.on_collapse != "rollback" or context.progress.rollbacks >= recipe.rollbacks:
            self.failure = messages.failure(context, health)
            return "failed"
        roll_back(context, health)
        self.notify(messages.rollback(context))
        self.recorder.reset()
        self.recorder.add_health_event()
        self._last_status = self.recorder.health.status
        context.write_card()
        return "rolled back"
