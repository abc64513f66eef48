from types import SimpleNamespace
from typing import Any

import pytest

from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.session import Clock

RECIPE = GAN_RECIPES["tiny"].with_values(kimg=1000.0, anneal_fraction=0.3)


def clock(minutes: float | None, progress: Progress, recipe: Any = RECIPE, planned_for: Any = None) -> Clock:
    context: Any = SimpleNamespace(recipe=recipe, progress=progress, card={"goal": planned_for}, group=SINGLE_PROCESS)
    return Clock(context, minutes)


@pytest.mark.parametrize(
    ("minutes", "seconds", "images", "span"),
    [
        (10, 419, 42_000, None),
        (10, 420, 42_000, (42_000, 60_000)),
        (10, 480, 48_000, (48_000, 60_000)),  # after a rollback, which keeps the time
        (None, 480, 48_000, None),
        (10, 420, 800_000, None),  # the number of images ends this run first, and it already anneals
    ],
)
def test_a_run_limited_by_time_anneals_in_its_last_part(
    minutes: float | None, seconds: float, images: int, span: tuple[int, int] | None
) -> None:
    progress = Progress(images_seen=images, seconds=seconds)
    clock(minutes, progress).plan()
    assert progress.anneal_span == span


@pytest.mark.parametrize(("minutes", "seconds", "quarter"), [(10, 149, 0), (10, 150, 9000), (None, 150, 0)])
def test_the_first_quarter_of_a_run_limited_by_time_is_recorded_once(
    minutes: float | None, seconds: float, quarter: int
) -> None:
    progress = Progress(images_seen=9000, seconds=seconds)
    clock(minutes, progress).plan()
    assert progress.quarter == quarter
    progress.images_seen += 1000
    clock(minutes, progress).plan()
    assert progress.quarter == quarter


def test_a_plan_is_kept_on_resume_and_dropped_when_the_length_changes() -> None:
    planned: dict[str, Any] = {"images_seen": 45_000, "seconds": 450.0, "anneal_from": 42_000, "anneal_to": 60_000}
    goal = {"kimg": 1000.0, "minutes": 10}
    progress = Progress(**planned)
    clock(10, progress, planned_for=goal).plan()
    assert progress.anneal_span == (42_000, 60_000)
    clock(20, progress, planned_for=goal).plan()
    assert progress.anneal_span is None
