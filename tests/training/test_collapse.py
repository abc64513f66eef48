import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from facesmith.runs.health import ALIKE, DIVERGED, HEALTHY, WINNING
from facesmith.tasks.recipes import GAN_RECIPES, RECIPES
from facesmith.training import collapse as watching
from facesmith.training.collapse import Watch, look, replay, spread
from facesmith.training.settings import AdversarialRecipe

TINY = GAN_RECIPES["tiny"]
PLAYED = {name: recipe for name, recipe in RECIPES.items() if isinstance(recipe, AdversarialRecipe)}
PICTURES = 640  # a line of the metrics: 10 steps of 64
LATE = math.ceil(watching.GRACE_KIMG * 1000 / PICTURES) + 1  # the first line at which faces are looked at


def line(number: int, **changes: Any) -> dict[str, Any]:
    """The ``number``-th line of a healthy run's metrics, with changes."""
    values = {"loss_D": 0.5, "loss_G": 1.2, "accuracy_real": 0.8, "accuracy_fake": 0.8, "diversity": 0.8}
    return {"step": 10 * number, "kimg": number * PICTURES / 1000, **values, **changes}


def verdicts(lines: Sequence[dict[str, Any]], recipe: AdversarialRecipe = TINY) -> list[str]:
    watch, seen = Watch(), []
    for each in lines:
        watch = look(watch, each, recipe)
        seen.append(watch.verdict)
    return seen


def least(recipe: AdversarialRecipe) -> float:
    """The loss of a D that cannot be fooled, as its definition has it."""
    if recipe.loss == "rpgan":
        return 0.0
    p = recipe.real_label
    entropy = -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)
    return entropy / 2 if recipe.average_losses else entropy


@pytest.mark.parametrize("name", sorted(PLAYED))
def test_noise_of_a_healthy_run_never_leaves_healthy(name: str) -> None:
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
    assert set(verdicts(lines, recipe)) == {HEALTHY}


@pytest.mark.parametrize("loss", ["loss_D", "loss_G"])
@pytest.mark.parametrize("value", [math.nan, None, math.inf, -math.inf, watching.LARGEST, -watching.LARGEST])
def test_losses_that_are_no_numbers_or_enormous_have_diverged_from_the_first_line(
    loss: str, value: float | None
) -> None:
    watch = look(Watch(), line(1, **{loss: value}), TINY)
    assert (watch.verdict, watch.since) == (DIVERGED, 10)
    assert look(watch, line(2), TINY).verdict == HEALTHY


def test_losses_just_below_the_largest_are_borne() -> None:
    assert verdicts([line(1, loss_G=watching.LARGEST - 0.01)]) == [HEALTHY]


def test_faces_that_become_one_are_told_after_the_looks_and_since_the_first_of_them() -> None:
    healthy = [line(number) for number in range(1, LATE + 20)]
    start = len(healthy) + 1
    alike = [line(start + number, diversity=0.8 * watching.LOW - 0.01) for number in range(10)]
    seen = verdicts([*healthy, *alike])
    assert seen == [HEALTHY] * (len(healthy) + watching.LOOKS - 1) + [ALIKE] * (11 - watching.LOOKS)
    assert replay([*healthy, *alike], TINY).since == 10 * start


def test_faces_that_become_alike_slowly_are_told_too() -> None:
    """What is usual follows the faces only at a distance, and nothing too low moves it."""
    lines = [line(number) for number in range(1, LATE + 20)]
    lines += [line(len(lines) + number, diversity=0.8 * 0.8**number) for number in range(1, 30)]
    assert verdicts(lines)[-1] == ALIKE
    assert ALIKE not in verdicts(lines)[: LATE + 20]


def test_a_few_low_looks_are_no_collapse() -> None:
    lines = [line(number, diversity=0.05 if number % watching.LOOKS else 0.8) for number in range(1, 400)]
    assert set(verdicts(lines)) == {HEALTHY}


def test_lines_without_a_look_do_not_count() -> None:
    lines = [line(number) for number in range(1, LATE + 5)]
    lines += [line(len(lines) + 1 + number, diversity=0.1) for number in range(watching.LOOKS - 1)]
    for number in range(50):
        blind = line(len(lines) + 1 + number)
        del blind["diversity"]
        lines.append(blind)
    assert verdicts(lines)[-1] == HEALTHY
    assert replay([*lines, line(len(lines) + 1, diversity=0.1)], TINY).verdict == ALIKE


def test_nothing_is_said_of_faces_in_the_grace_period() -> None:
    swinging = [line(number, diversity=(1.2, 0.01)[number % 5 > 0]) for number in range(1, LATE - 1)]
    assert swinging[-1]["kimg"] < watching.GRACE_KIMG
    assert set(verdicts(swinging)) == {HEALTHY}
    assert replay(swinging, TINY) == Watch(), "and nothing of it is held against what follows"


def test_a_start_that_stays_hopeless_is_told_late() -> None:
    lines = [line(number, diversity=watching.HOPELESS - 0.01) for number in range(1, 400)]
    seen = verdicts(lines)
    told = lines[seen.index(ALIKE)]
    assert watching.HOPELESS_KIMG <= told["kimg"] < watching.HOPELESS_KIMG + watching.LOOKS * PICTURES / 1000
    assert set(verdicts([each | {"diversity": watching.HOPELESS + 0.01} for each in lines])) == {HEALTHY}


def test_faces_that_come_apart_again_are_healthy() -> None:
    lines = [line(number) for number in range(1, LATE + 5)]
    lines += [line(len(lines) + 1 + number, diversity=0.1) for number in range(10)]
    assert verdicts(lines)[-1] == ALIKE
    assert verdicts([*lines, line(len(lines) + 1)])[-1] == HEALTHY


def test_one_noisy_phase_does_not_raise_what_is_expected() -> None:
    noisy = [line(number, diversity=5.0) for number in range(1, LATE + 50)]
    after = [line(len(noisy) + 1 + number, diversity=watching.LOW + 0.01) for number in range(10)]
    assert set(verdicts([*noisy, *after])) == {HEALTHY}


@pytest.mark.parametrize("name", sorted(PLAYED))
def test_a_d_that_is_certain_for_long_is_winning(name: str) -> None:
    recipe = PLAYED[name]
    sure = {"loss_D": least(recipe) + 1e-4, "accuracy_real": 1.0, "accuracy_fake": 1.0, "loss_G": 15.0}
    lines = [line(number, **sure) for number in range(1, watching.LINES + 20)]
    seen = verdicts(lines, recipe)
    assert seen == [HEALTHY] * (watching.LINES - 1) + [WINNING] * 20
    assert replay(lines, recipe).since == 10 * watching.LINES
    assert verdicts([*lines, line(len(lines) + 1, loss_D=least(recipe) + 0.3)], recipe)[-1] == HEALTHY


@pytest.mark.parametrize("change", [{"accuracy_real": 0.9}, {"accuracy_fake": 0.9}, {"loss_D": 0.05}])
def test_a_d_that_is_ahead_is_not_winning(change: dict[str, float]) -> None:
    sure = {"loss_D": 1e-4, "accuracy_real": 1.0, "accuracy_fake": 1.0}
    assert set(verdicts([line(number, **sure | change) for number in range(1, 200)])) == {HEALTHY}


def test_a_watch_taken_up_anywhere_is_the_watch_never_interrupted() -> None:
    """As metrics.jsonl holds the lines: written, NaN as null, and read again."""
    rng = np.random.default_rng(1)
    looks = {number: float(rng.uniform(0.05, 1.3)) for number in range(5, 400, 5)}
    lines = [line(number, diversity=looks.get(number)) for number in range(1, 400)]
    lines = [{key: value for key, value in each.items() if value is not None} for each in lines]
    lines[200] |= {"loss_D": None}
    lines[300:] = [each | {"diversity": 0.05} for each in lines[300:]]
    stored = [json.loads(json.dumps(each)) for each in lines]
    straight = [Watch()]
    for each in lines:
        straight.append(look(straight[-1], each, TINY))
    assert {watch.verdict for watch in straight} == {HEALTHY, ALIKE, DIVERGED}
    for cut in (0, 1, 150, 201, 302, 399):
        assert replay(stored[:cut], TINY) == straight[cut]


def test_identical_pictures_have_no_spread() -> None:
    assert spread(torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)).item() == pytest.approx(0, abs=1e-3)


def test_a_few_modes_have_no_spread_though_they_are_far_apart() -> None:
    modes = torch.stack([torch.full((3, 16, 16), value) for value in (-1.0, 0.0, 1.0)])
    assert spread(modes.repeat(4, 1, 1, 1)).item() == pytest.approx(0, abs=1e-3)


def test_the_spread_of_grey_pictures_is_that_of_their_greys() -> None:
    """Pictures of one value each, on a line: the nearest is ``gap`` away in every one of 3 x 8 x 8 means."""
    gap = 0.1
    pictures = torch.stack([torch.full((3, 32, 24), gap * number) for number in range(9)])
    assert spread(pictures).item() == pytest.approx(gap * math.sqrt(3 * watching.CELLS**2), rel=1e-4)


def test_spread_grows_with_difference_and_does_not_see_grain() -> None:
    torch.manual_seed(3)
    faces = torch.rand(16, 3, 1, 1).expand(-1, -1, 32, 32)
    checks = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1  # every mean over a cell is 0
    grainy = torch.rand(16, 1, 1, 1) * checks
    values = [spread(faces * scale).item() for scale in (0.0, 0.25, 0.5, 1.0)]
    assert all(before < after for before, after in pairwise(values))
    assert spread(grainy).item() == pytest.approx(0, abs=1e-3)


def test_trouble_with_faces_is_dated_from_its_own_beginning() -> None:
    """A D that is winning meanwhile must not make a rollback return to a time when faces were alike already."""
    lines = [line(number) for number in range(1, LATE + 5)]
    sure = {"loss_D": 1e-4, "accuracy_real": 1.0, "accuracy_fake": 1.0}
    lines += [line(len(lines) + 1 + number, **sure) for number in range(watching.LINES - 2)]
    first = len(lines) + 1
    lines += [line(first + number, **sure, diversity=0.1) for number in range(watching.LOOKS)]
    assert verdicts(lines)[-2:] == [WINNING, ALIKE]
    assert replay(lines, TINY).since == 10 * first


@pytest.mark.parametrize("value", [math.nan, None])
def test_a_diversity_that_is_no_number_is_passed_over(value: float | None) -> None:
    """G may be no number after the last step of a line whose losses still are: the next line tells."""
    lines = [line(number) for number in range(1, LATE + 5)]
    assert replay([*lines, line(len(lines) + 1, diversity=value)], TINY) == replay(lines, TINY)


def test_another_recipe_has_another_least_loss() -> None:
    label = replace(GAN_RECIPES["celebrity"], real_label=0.9)
    sure = {"loss_D": 0.326, "accuracy_real": 1.0, "accuracy_fake": 1.0}  # -0.9 ln 0.9 - 0.1 ln 0.1 = 0.3251
    lines = [line(number, **sure) for number in range(1, 100)]
    assert verdicts(lines, label)[-1] == WINNING
    assert verdicts(lines, GAN_RECIPES["celebrity"])[-1] == HEALTHY
