from pathlib import Path

import pytest

from facesmith.runs.health import D_WINNING, DIVERGED, HEALTHY, describe_health
from facesmith.runs.run_data import RunData
from facesmith.tasks.registry import TASKS


def health_sentence(task: str, health: str) -> str:
    run = RunData(
        path=Path("run"), card={"status": "finished", "kimg": 100}, recipe={"task": task}, trained_on={}, health=health,
        metrics={}, timing={}, scores={}, samples=[], best={}, rollbacks=[], broken_lines=0,
    )  # fmt: skip
    return describe_health(run) or ""


@pytest.mark.parametrize("task", TASKS)
def test_meaning_of_health_fits_the_task(task: str) -> None:
    when_healthy, after_divergence = health_sentence(task, HEALTHY), health_sentence(task, DIVERGED)
    assert "Health at the end: “healthy”: " in when_healthy
    assert "earlier checkpoint" in after_divergence
    if task in ("encoder", "classifier"):
        assert "faces" not in when_healthy
        assert "neither network" not in when_healthy
    else:
        assert "neither network dominates" in when_healthy
        assert ("d_schedule=" in health_sentence(task, D_WINNING)) == (task == "gan")


def test_a_short_run_is_not_called_healthy() -> None:
    run = RunData(
        path=Path("run"), card={"kimg": 2.0}, recipe={"task": "gan"}, trained_on={}, health=HEALTHY,
        metrics={}, timing={}, scores={}, samples=[], best={}, rollbacks=[], broken_lines=0,
    )  # fmt: skip
    assert HEALTHY not in (describe_health(run) or HEALTHY)
