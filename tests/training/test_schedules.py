from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from facesmith.tasks.gan.recipe import GAN_RECIPES, GANRecipe
from facesmith.training.schedules import schedule_progress, scheduled, scheduled_settings

ENDS: dict[str, Any] = {"learning_rate": 5e-5, "beta2": 0.99, "penalty": 0.2, "ema_kimg": 500.0, "augment": 0.4}
STARTS: dict[str, Any] = {"learning_rate": 2e-4, "beta2": 0.9, "penalty": 2.0, "ema_kimg": 0.5, "augment": 0.0}
PLAIN = GAN_RECIPES["tiny"].changed(**STARTS)
MOVES = replace(PLAIN, anneal_kimg=40.0, **{f"{name}_end": end for name, end in ENDS.items()})


def values(recipe: GANRecipe) -> dict[str, float]:
    return {name: getattr(recipe, name) for name in scheduled_settings(PLAIN)}


def test_values_reach_start_and_end_and_stay_there() -> None:
    assert values(scheduled(MOVES, 0)) == pytest.approx(STARTS)
    for images_seen in (40_000, 40_064, 10_000_000):
        assert values(scheduled(MOVES, images_seen)) == pytest.approx(ENDS)


def test_the_schedule_is_half_a_cosine() -> None:
    for images_seen, part in ((20_000, 0.5), (40_000 / 3, 0.25), (80_000 / 3, 0.75)):  # (1 - cos 60°) / 2 = 1 / 4
        expected = {name: STARTS[name] + part * (ENDS[name] - STARTS[name]) for name in scheduled_settings(PLAIN)}
        assert values(scheduled(MOVES, round(images_seen))) == pytest.approx(expected, rel=1e-3)


def test_values_change_monotonically() -> None:
    for name in scheduled_settings(PLAIN):
        path = [getattr(scheduled(MOVES, images_seen), name) for images_seen in range(0, 40_001, 64)]
        rises = ENDS[name] > STARTS[name]
        assert all(before < after if rises else before > after for before, after in pairwise(path)), name


def test_only_settings_with_an_end_change() -> None:
    without_length = replace(MOVES, anneal_kimg=0.0)
    assert scheduled(without_length, 20_000) is without_length
    partial = replace(PLAIN, anneal_kimg=40.0, penalty_end=0.2)
    assert values(scheduled(partial, 40_000)) == pytest.approx({**STARTS, "penalty": 0.2})


def test_every_half_life_covers_half_of_the_rest() -> None:
    halving = replace(MOVES, anneal_kimg=0.0, schedule_half_life_kimg=10.0)
    for half_lives, remainder in ((0, 1.0), (1, 0.5), (2, 0.25), (0.5, 0.5**0.5), (10, 0.5**10)):
        images_seen = round(10_000 * half_lives)
        assert schedule_progress(halving, images_seen) == pytest.approx(1 - remainder, abs=1e-9)
        expected = {name: ENDS[name] + remainder * (STARTS[name] - ENDS[name]) for name in scheduled_settings(PLAIN)}
        assert values(scheduled(halving, images_seen)) == pytest.approx(expected)
    halving_with_length = replace(halving, anneal_kimg=40.0)
    assert scheduled(halving_with_length, 10_000).penalty == scheduled(halving, 10_000).penalty, (
        "in place of anneal_kimg"
    )


def test_an_end_value_of_zero_is_used() -> None:
    assert scheduled(replace(PLAIN, anneal_kimg=40.0, penalty_end=0.0), 40_000).penalty == 0


def test_lr_scale_multiplies_the_scheduled_learning_rate() -> None:
    reduced, usual = scheduled(MOVES, 20_000, 0.25), scheduled(MOVES, 20_000)
    assert reduced == replace(usual, learning_rate=usual.learning_rate / 4)
    assert scheduled(PLAIN, 20_000, 0.5) == replace(PLAIN, learning_rate=1e-4)
    assert scheduled(PLAIN, 20_000) is PLAIN


def test_a_longer_run_has_the_same_schedule() -> None:
    assert values(scheduled(replace(MOVES, kimg=9999.0), 12_345)) == values(scheduled(MOVES, 12_345))
