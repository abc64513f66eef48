from collections.abc import Callable
from typing import Any

import pytest
import torch

from facesmith.tasks.gan.compiled_step import compiled_step
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.step import train_step
from facesmith.tasks.gan.step_check import CHECKED_STEPS, check_step

Narrow = Callable[..., GANRecipe]
CPU = torch.device("cpu")


def test_a_compiled_step_that_agrees_is_used(narrow: Narrow) -> None:
    recipe, messages = narrow("tiny", attributes="Smiling"), list[str]()
    step = compiled_step(recipe, "aot_eager")
    assert check_step(step, recipe, (16, 16), CPU, messages.append) is step
    assert messages == []
    torch._dynamo.reset()


@pytest.mark.parametrize("fault", ["wrong rate", "late", "nan", "crash"])
def test_a_faulty_step_is_replaced_and_reported(fault: str, narrow: Narrow) -> None:
    recipe, messages, calls = narrow("tiny"), list[str](), list[int]()

    def faulty(state: Any, real: Any, z: Any, scheduled: GANRecipe, *rest: Any) -> Any:
        calls.append(1)
        if fault == "crash":
            raise ValueError("no compiler\nfound")
        if fault == "wrong rate" or (fault == "late" and len(calls) == CHECKED_STEPS // 2):
            scheduled = scheduled.with_values(learning_rate=0.1)
        measured = train_step(state, real, z, scheduled, *rest)
        return {name: value * float("nan") if fault == "nan" else value for name, value in measured.items()}

    assert check_step(faulty, recipe, (16, 16), CPU, messages.append) is train_step
    assert len(messages) == 1
    assert "\n" not in messages[0]


def test_eager_steps_need_no_check(narrow: Narrow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesmith.tasks.gan.step_check.new_state", lambda *_: pytest.fail("it was checked"))
    assert check_step(train_step, narrow("tiny"), (16, 16), CPU, print) is train_step
