import math
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from facesmith.errors import FacesmithError
from facesmith.tasks.gan.recipes import GAN_RECIPES, GANRecipe
from facesmith.training.schedules import (
    CHANCE,
    HALF_LIFE,
    DSchedule,
    apply_schedule,
    d_learns,
    parse_d_schedule,
    running_accuracy,
    schedule_progress,
    scheduled_settings,
)

ENDS: dict[str, Any] = {"learning_rate": 5e-5, "beta2": 0.99, "penalty": 0.2, "ema_kimg": 500.0, "augment": 0.4}
STARTS: dict[str, Any] = {"learning_rate": 2e-4, "beta2": 0.9, "penalty": 2.0, "ema_kimg": 0.5, "augment": 0.0}
PLAIN = GAN_RECIPES["tiny"].with_values(**STARTS, anneal_fraction=0.0, learning_rate_end=None)
MOVES = replace(PLAIN, anneal_kimg=40.0, **{f"{name}_end": end for name, end in ENDS.items()})


def values(recipe: GANRecipe) -> dict[str, float]:
    return {name: getattr(recipe, name) for name in scheduled_settings(PLAIN)}


def test_values_reach_start_and_end_and_stay_there() -> None:
    assert values(apply_schedule(MOVES, 0)) == pytest.approx(STARTS)
    for images_seen in (40_000, 40_064, 10_000_000):
        assert values(apply_schedule(MOVES, images_seen)) == pytest.approx(ENDS)


def test_the_schedule_is_half_a_cosine() -> None:
    for images_seen, part in ((20_000, 0.5), (40_000 / 3, 0.25), (80_000 / 3, 0.75)):  # (1 - cos 60°) / 2 = 1 / 4
        expected = {name: STARTS[name] + part * (ENDS[name] - STARTS[name]) for name in scheduled_settings(PLAIN)}
        assert values(apply_schedule(MOVES, round(images_seen))) == pytest.approx(expected, rel=1e-3)


def test_values_change_monotonically() -> None:
    for name in scheduled_settings(PLAIN):
        path = [getattr(apply_schedule(MOVES, images_seen), name) for images_seen in range(0, 40_001, 64)]
        rises = ENDS[name] > STARTS[name]
        assert all(before < after if rises else before > after for before, after in pairwise(path)), name


def test_only_settings_with_an_end_change() -> None:
    without_length = replace(MOVES, anneal_kimg=0.0)
    assert apply_schedule(without_length, 20_000) == without_length
    partial = replace(PLAIN, anneal_kimg=40.0, penalty_end=0.2)
    assert values(apply_schedule(partial, 40_000)) == pytest.approx({**STARTS, "penalty": 0.2})


def test_every_half_life_covers_half_of_the_rest() -> None:
    halving = replace(MOVES, anneal_kimg=0.0, schedule_half_life_kimg=10.0)
    for half_lives, remainder in ((0, 1.0), (1, 0.5), (2, 0.25), (0.5, 0.5**0.5), (10, 0.5**10)):
        images_seen = round(10_000 * half_lives)
        assert schedule_progress(halving, images_seen) == pytest.approx(1 - remainder, abs=1e-9)
        expected = {name: ENDS[name] + remainder * (STARTS[name] - ENDS[name]) for name in scheduled_settings(PLAIN)}
        assert values(apply_schedule(halving, images_seen)) == pytest.approx(expected)
    halving_with_length = replace(halving, anneal_kimg=40.0)
    assert apply_schedule(halving_with_length, 10_000).penalty == apply_schedule(halving, 10_000).penalty, (
        "in place of anneal_kimg"
    )


def test_an_end_value_of_zero_is_used() -> None:
    assert apply_schedule(replace(PLAIN, anneal_kimg=40.0, penalty_end=0.0), 40_000).penalty == 0


def test_lr_scale_multiplies_the_scheduled_learning_rate() -> None:
    reduced, usual = apply_schedule(MOVES, 20_000, 0.25), apply_schedule(MOVES, 20_000)
    assert reduced == replace(usual, learning_rate=usual.learning_rate / 4)
    assert apply_schedule(PLAIN, 20_000, 0.5) == replace(PLAIN, learning_rate=1e-4)
    assert apply_schedule(PLAIN, 20_000) == PLAIN


def test_a_longer_run_has_the_same_schedule() -> None:
    assert values(apply_schedule(replace(MOVES, kimg=9999.0), 12_345)) == values(apply_schedule(MOVES, 12_345))


def test_a_run_anneals_in_its_last_fraction() -> None:
    fitted = replace(MOVES, anneal_kimg=0.0, anneal_fraction=0.25, kimg=80.0)
    for images_seen, part in ((0, 0.0), (60_000, 0.0), (70_000, 0.5), (80_000, 1.0), (90_000, 1.0)):
        assert schedule_progress(fitted, images_seen) == pytest.approx(part), images_seen
    longer = replace(fitted, kimg=160.0)
    assert schedule_progress(longer, 80_000) == 0
    assert schedule_progress(longer, 140_000) == pytest.approx(0.5)
    assert schedule_progress(fitted, 30_000, (20_000, 40_000)) == pytest.approx(0.5), (
        "the span of a run that ends by time"
    )


def d_steps(text: str, steps: int, batch_size: int = 64) -> list[bool]:
    schedule = parse_d_schedule(text)
    return [d_learns(schedule, step, batch_size) for step in range(steps)]


def test_every_schedules_d_at_every_step() -> None:
    assert all(d_steps("every", 1000))


@pytest.mark.parametrize("ratio", [1, 2, 3, 5, 7, 1.1, 1.4, 2.5, 3.75, 12.3])
def test_a_ratio_is_exact_and_even(ratio: float) -> None:
    learns = d_steps(f"ratio:{ratio}", 5000)
    assert learns[0]
    for steps in (1, 7, 100, 4999, 5000):
        assert sum(learns[:steps]) == math.ceil(round(steps / ratio, 6))
    learning_steps = [step for step, is_learning in enumerate(learns) if is_learning]
    gaps = {after - before for before, after in pairwise(learning_steps)}
    assert gaps <= {math.floor(ratio), math.ceil(ratio)}


def test_a_ratio_of_five_is_every_fifth_step() -> None:
    assert [step for step, is_learning in enumerate(d_steps("ratio:5", 21)) if is_learning] == [0, 5, 10, 15, 20]


@pytest.mark.parametrize(("text", "ratios"), [("decay:5,0.8,0.9", [5, 4, 3.2]), ("decay:1,1.5,0.9", [1, 1.5, 2.25])])
def test_the_ratio_changes_after_each_block(text: str, ratios: list[float]) -> None:
    learns = d_steps(text, 2700, batch_size=1)  # 900 steps a ratio
    for block, ratio in enumerate(ratios):
        assert sum(learns[block * 900 : (block + 1) * 900]) == pytest.approx(900 / ratio, abs=1)


def test_decay_moves_d_towards_every_step_and_stays_there() -> None:
    learns = d_steps("decay:5,0.8,6.4", 1200)  # blocks of 100 steps; 5 * 0.8 ** 8 is below 1
    shares = [sum(learns[start : start + 100]) for start in range(0, 1200, 100)]
    assert shares == sorted(shares)
    assert shares[0] == 20
    assert all(learns[800:])


def test_growth_moves_d_away_from_every_step_without_end() -> None:
    learns = d_steps("decay:1,1.25,6.4", 2000)
    shares = [sum(learns[start : start + 100]) for start in range(0, 2000, 100)]
    assert shares[0] == 100
    assert all(after <= before + 1 for before, after in pairwise(shares))
    assert shares[-1] <= 3


def test_changes_between_two_steps_lose_no_d_step() -> None:
    # The definition, summed step by step.
    total, expected_counts = 0.0, []
    for step in range(2000):
        total += 1 / max(1.0, 4 * 0.9 ** (step * 48 // 1000))
        expected_counts.append(math.ceil(total - 1e-6))
    learns = d_steps("decay:4,0.9,1", 2000, batch_size=48)
    assert [sum(learns[: step + 1]) for step in range(2000)] == expected_counts


def test_growth_in_a_very_long_run_does_not_overflow() -> None:
    schedule = parse_d_schedule("decay:1,10,1")
    start = time.process_time()
    assert not d_learns(schedule, 400_000, 64)  # the ratio would be 10 ** 25,600
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "text", ["every", "ratio:3.3", "ratio:1000", "decay:999.9,0.9,5", "decay:1,2,5", "accuracy:0.51"]
)
def test_d_learns_at_the_first_step(text: str) -> None:
    assert d_learns(parse_d_schedule(text), 0, 64, CHANCE)


def test_accuracy_lets_d_learn_only_below_the_threshold() -> None:
    schedule = parse_d_schedule("accuracy:0.8")
    assert [d_learns(schedule, 7, 64, accuracy) for accuracy in (0.2, 0.79, 0.8, 0.95)] == [
        True,
        True,
        False,
        False,
    ]


def test_running_accuracy_has_its_half_life() -> None:
    accuracy, tensor = CHANCE, torch.tensor(CHANCE)
    for _ in range(HALF_LIFE):
        accuracy, tensor = running_accuracy(accuracy, 1.0), running_accuracy(tensor, torch.tensor(1.0))
    assert accuracy == pytest.approx(0.75)
    assert tensor.item() == pytest.approx(0.75)


def test_valid_schedules_are_parsed() -> None:
    assert parse_d_schedule(" every ") == DSchedule()
    assert parse_d_schedule("ratio:2.5") == DSchedule(2.5)
    assert parse_d_schedule("decay:5, 0.8, 100") == DSchedule(5, 0.8, 100)
    assert parse_d_schedule("accuracy:0.7") == DSchedule(threshold=0.7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected every"),
        ("sometimes", "expected every"),
        ("every:2", "expected every"),
        ("ratio", "expected every"),
        ("ratio:", "expected every"),
        ("ratio:two", "expected every"),
        ("ratio:nan", "expected every"),
        ("ratio:inf", "expected every"),
        ("ratio:2,3", "expected every"),
        ("decay:5,0.8", "expected every"),
        ("ratio:0.5", "1 to 1000"),
        ("ratio:1001", "1 to 1000"),
        ("decay:0.5,1.2,100", "1 to 1000"),
        ("decay:5,0,100", "factor must be above 0"),
        ("decay:5,0.8,0", "0.1 kimg"),
        ("accuracy:0.5", "threshold"),
        ("accuracy:80", "threshold"),
    ],
)
def test_an_invalid_schedule_is_refused_with_the_valid_forms(text: str, message: str) -> None:
    with pytest.raises(FacesmithError, match=message):
        parse_d_schedule(text)
