import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from facesmith.runs.health import D_WINNING, DIVERGED, GRACE_KIMG, HEALTHY, MODE_COLLAPSE
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.recipes import RECIPES
from facesmith.training import collapse
from facesmith.training.collapse import Health, detect, update
from facesmith.training.settings import AdversarialRecipe

TINY = GAN_RECIPES["tiny"]
PLAYED = {name: recipe for name, recipe in RECIPES.items() if isinstance(recipe, AdversarialRecipe)}
PICTURES = 640  # a line of the metrics: 10 steps of 64
LATE = math.ceil(GRACE_KIMG * 1000 / PICTURES) + 1  # the first line at which diversity is checked


def line(number: int, **changes: Any) -> dict[str, Any]:
    """Return line ``number`` of a healthy run's metrics, with changes."""
    values = {"loss_D": 0.5, "loss_G": 1.2, "accuracy_real": 0.8, "accuracy_fake": 0.8, "diversity": 0.8}
    return {"step": 10 * number, "kimg": number * PICTURES / 1000, **values, **changes}


def statuses(lines: Sequence[dict[str, Any]], recipe: AdversarialRecipe = TINY) -> list[str]:
    health, result = Health(), []
    for metrics in lines:
        health = update(health, metrics, recipe)
        result.append(health.status)
    return result


def least(recipe: AdversarialRecipe) -> float:
    """Return the loss of a D that is always right, by the definition of the loss."""
    if recipe.loss == "rpgan":
        return 0.0
    p = recipe.real_label
    entropy = -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)
    return entropy / 2 if recipe.average_losses else entropy


@pytest.mark.parametrize("name", sorted(PLAYED))
def test_noisy_metrics_are_healthy(name: str) -> None:
    recipe, rng = PLAYED[name], np.random.default_rng(0)
    lines = []
    for number in range(1, 3001):
        noise = np.exp(rng.normal(0, 0.2, 5))
        lines.append(
            line(
                number,
                loss_D=least(recipe) + 0.08 * noise[0],  # well ahead, as D often is
                loss_G=6 * noise[1],
                accuracy_real=min(1, 0.97 * noise[2]),
                accuracy_fake=min(1, 0.97 * noise[3]),
                diversity=0.75 * noise[4],
            )
        )
    lines[0] |= {"loss_G": 29.0, "diversity": 0.02}  # an untrained G
    assert set(statuses(lines, recipe)) == {HEALTHY}


@pytest.mark.parametrize("loss", ["loss_D", "loss_G"])
@pytest.mark.parametrize("value", [math.nan, None, math.inf, -math.inf, collapse.MAX_LOSS, -collapse.MAX_LOSS])
def test_infinite_or_huge_loss_is_divergence(loss: str, value: float | None) -> None:
    health = update(Health(), line(1, **{loss: value}), TINY)
    assert (health.status, health.since) == (DIVERGED, 10)
    assert update(health, line(2), TINY).status == HEALTHY


def test_loss_below_the_limit_is_healthy() -> None:
    assert statuses([line(1, loss_G=collapse.MAX_LOSS - 0.01)]) == [HEALTHY]


def test_low_diversity_in_a_row_is_mode_collapse() -> None:
    healthy = [line(number) for number in range(1, LATE + 20)]
    start = len(healthy) + 1
    low = [line(start + number, diversity=0.8 * collapse.MIN_DIVERSITY_SHARE - 0.01) for number in range(10)]
    result = statuses([*healthy, *low])
    assert result == [HEALTHY] * (len(healthy) + collapse.MAX_LOW_MEASUREMENTS - 1) + [MODE_COLLAPSE] * (
        11 - collapse.MAX_LOW_MEASUREMENTS
    )
    assert detect([*healthy, *low], TINY).since == 10 * start


def test_slow_loss_of_diversity_is_mode_collapse() -> None:
    """The usual diversity follows slowly, and low values do not change it."""
    lines = [line(number) for number in range(1, LATE + 20)]
    lines += [line(len(lines) + number, diversity=0.8 * 0.8**number) for number in range(1, 30)]
    assert statuses(lines)[-1] == MODE_COLLAPSE
    assert MODE_COLLAPSE not in statuses(lines)[: LATE + 20]


def test_single_low_measurements_are_healthy() -> None:
    lines = [
        line(number, diversity=0.05 if number % collapse.MAX_LOW_MEASUREMENTS else 0.8) for number in range(1, 400)
    ]
    assert set(statuses(lines)) == {HEALTHY}


def test_lines_without_diversity_do_not_count() -> None:
    lines = [line(number) for number in range(1, LATE + 5)]
    lines += [line(len(lines) + 1 + number, diversity=0.1) for number in range(collapse.MAX_LOW_MEASUREMENTS - 1)]
    for number in range(50):
        blind = line(len(lines) + 1 + number)
        del blind["diversity"]
        lines.append(blind)
    assert statuses(lines)[-1] == HEALTHY
    assert detect([*lines, line(len(lines) + 1, diversity=0.1)], TINY).status == MODE_COLLAPSE


def test_diversity_is_ignored_in_the_grace_period() -> None:
    swinging = [line(number, diversity=(1.2, 0.01)[number % 5 > 0]) for number in range(1, LATE - 1)]
    assert swinging[-1]["kimg"] < GRACE_KIMG
    assert set(statuses(swinging)) == {HEALTHY}
    assert detect(swinging, TINY) == Health(), "and nothing of it is held against what follows"


def test_generator_that_was_never_diverse_collapses_late() -> None:
    lines = [line(number, diversity=collapse.MIN_LATE_DIVERSITY - 0.01) for number in range(1, 400)]
    result = statuses(lines)
    detected = lines[result.index(MODE_COLLAPSE)]
    assert collapse.LATE_KIMG <= detected["kimg"] < collapse.LATE_KIMG + collapse.MAX_LOW_MEASUREMENTS * PICTURES / 1000
    assert set(statuses([entry | {"diversity": collapse.MIN_LATE_DIVERSITY + 0.01} for entry in lines])) == {HEALTHY}


def test_diversity_that_returns_is_healthy() -> None:
    lines = [line(number) for number in range(1, LATE + 5)]
    lines += [line(len(lines) + 1 + number, diversity=0.1) for number in range(10)]
    assert statuses(lines)[-1] == MODE_COLLAPSE
    assert statuses([*lines, line(len(lines) + 1)])[-1] == HEALTHY


def test_noisy_phase_does_not_raise_the_usual_diversity() -> None:
    noisy = [line(number, diversity=5.0) for number in range(1, LATE + 50)]
    after = [line(len(noisy) + 1 + number, diversity=collapse.MIN_DIVERSITY_SHARE + 0.01) for number in range(10)]
    assert set(statuses([*noisy, *after])) == {HEALTHY}


@pytest.mark.parametrize("name", sorted(PLAYED))
def test_certain_d_is_winning(name: str) -> None:
    recipe = PLAYED[name]
    sure = {"loss_D": least(recipe) + 1e-4, "accuracy_real": 1.0, "accuracy_fake": 1.0, "loss_G": 15.0}
    lines = [line(number, **sure) for number in range(1, collapse.MAX_SATURATED_LINES + 20)]
    result = statuses(lines, recipe)
    assert result == [HEALTHY] * (collapse.MAX_SATURATED_LINES - 1) + [D_WINNING] * 20
    assert detect(lines, recipe).since == 10 * collapse.MAX_SATURATED_LINES
    assert statuses([*lines, line(len(lines) + 1, loss_D=least(recipe) + 0.3)], recipe)[-1] == HEALTHY


@pytest.mark.parametrize("change", [{"accuracy_real": 0.9}, {"accuracy_fake": 0.9}, {"loss_D": 0.05}])
def test_d_that_is_only_ahead_is_healthy(change: dict[str, float]) -> None:
    sure = {"loss_D": 1e-4, "accuracy_real": 1.0, "accuracy_fake": 1.0}
    assert set(statuses([line(number, **sure | change) for number in range(1, 200)])) == {HEALTHY}


def test_detection_continues_exactly_from_stored_lines() -> None:
    """The lines are written as in metrics.jsonl, NaN as null, and read back."""
    rng = np.random.default_rng(1)
    looks = {number: float(rng.uniform(0.05, 1.3)) for number in range(5, 400, 5)}
    lines = [line(number, diversity=looks.get(number)) for number in range(1, 400)]
    lines = [{key: value for key, value in entry.items() if value is not None} for entry in lines]
    lines[200] |= {"loss_D": None}
    lines[300:] = [entry | {"diversity": 0.05} for entry in lines[300:]]
    read_back = [json.loads(json.dumps(entry)) for entry in lines]
    straight = [Health()]
    for entry in lines:
        straight.append(update(straight[-1], entry, TINY))
    assert {health.status for health in straight} == {HEALTHY, MODE_COLLAPSE, DIVERGED}
    for position in (0, 1, 150, 201, 302, 399):
        assert detect(read_back[:position], TINY) == straight[position]


def test_mode_collapse_begins_at_its_first_low_measurement() -> None:
    """A winning D in between must not move the start of the collapse to a later step."""
    lines = [line(number) for number in range(1, LATE + 5)]
    sure = {"loss_D": 1e-4, "accuracy_real": 1.0, "accuracy_fake": 1.0}
    lines += [line(len(lines) + 1 + number, **sure) for number in range(collapse.MAX_SATURATED_LINES - 2)]
    first = len(lines) + 1
    lines += [line(first + number, **sure, diversity=0.1) for number in range(collapse.MAX_LOW_MEASUREMENTS)]
    assert statuses(lines)[-2:] == [D_WINNING, MODE_COLLAPSE]
    assert detect(lines, TINY).since == 10 * first


@pytest.mark.parametrize("value", [math.nan, None])
def test_diversity_that_is_not_a_number_is_ignored(value: float | None) -> None:
    """G may be NaN after the last step of a line with finite losses: the next line shows it."""
    lines = [line(number) for number in range(1, LATE + 5)]
    assert detect([*lines, line(len(lines) + 1, diversity=value)], TINY) == detect(lines, TINY)


def test_lowest_loss_depends_on_the_recipe() -> None:
    label = GAN_RECIPES["celebrity"].with_values(real_label=0.9)
    sure = {"loss_D": 0.326, "accuracy_real": 1.0, "accuracy_fake": 1.0}  # -0.9 ln 0.9 - 0.1 ln 0.1 = 0.3251
    lines = [line(number, **sure) for number in range(1, 100)]
    assert statuses(lines, label)[-1] == D_WINNING
    assert statuses(lines, GAN_RECIPES["celebrity"])[-1] == HEALTHY
