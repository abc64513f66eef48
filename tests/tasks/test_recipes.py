import json
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesmith.errors import FacesmithError
from facesmith.tasks.recipes import RECIPES, from_table, get_recipe
from facesmith.training.settings import as_table, differences, with_settings


def test_every_field_can_be_set_and_is_parsed_to_its_type() -> None:
    recipe = with_settings(
        RECIPES["tiny"], ["batch_size=32", "learning_rate=1e-4", "flip=false", "device=cpu", "seed=7"]
    )
    assert (recipe.batch_size, recipe.learning_rate, recipe.flip, recipe.device, recipe.seed) == (
        32,
        1e-4,
        False,
        "cpu",
        7,
    )


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("batchsize=32", "did you mean batch_size"),
        ("lerning_rate=1", "did you mean learning_rate"),
        ("batch_size=many", "whole number"),
        ("batch_size=1", "at least 2"),
        ("learning_rate=nan", "at least 0"),
        ("learning_rate=inf", "finite"),
        ("flip=perhaps", "true or false"),
        ("loss=wgan", "one of bce, rpgan"),
        ("batch_size", "--set batch_size: .*KEY=VALUE"),
        ("name=other", "no setting 'name'"),
        ("extra_ema_kimg=20,-1", "separated by commas"),
    ],
)
def test_an_invalid_setting_is_refused(setting: str, sentence: str) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        with_settings(RECIPES["tiny"], [setting])


def test_additional_averages_require_the_first() -> None:
    with pytest.raises(FacesmithError, match="ema_kimg above 0"):
        with_settings(RECIPES["celebrity"], ["extra_ema_kimg=20"])
    assert with_settings(RECIPES["celebrity"], ["extra_ema_kimg=20", "ema_kimg=5"])


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(FacesmithError, match="did you mean celebrity"):
        get_recipe("celebritty")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_equals_its_saved_table(name: str) -> None:
    assert from_table(as_table(RECIPES[name])) == RECIPES[name]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [({"novelty": 1}, "novelty"), ({"task": ["gan"]}, "task .*gan"), ({"family": ["dcgan"]}, "family .*dcgan")],
)
def test_an_unknown_table_is_refused_with_its_file(edit: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FacesmithError, match=f"^a.toml .*{sentence}"):
        from_table(as_table(RECIPES["tiny"]) | edit, Path("a.toml"))


def test_differences_name_the_setting_and_both_values() -> None:
    tiny = RECIPES["tiny"]
    assert differences(tiny, with_settings(tiny, ["seed=3"])) == ["seed 0 -> 3"]


KEYS = st.sampled_from(sorted({key for recipe in RECIPES.values() for key in recipe.as_dict()} | {"name", "network"}))
NUMBERS = st.one_of(st.integers(), st.floats(), st.decimals()).map(str)
SETTINGS = st.one_of(st.text(), st.builds(lambda key, value: f"{key}={value}", KEYS, st.one_of(st.text(), NUMBERS)))


@given(st.sampled_from(sorted(RECIPES)), st.lists(SETTINGS, max_size=3))
def test_any_setting_is_applied_or_refused(name: str, settings: list[str]) -> None:
    """What is applied can be written to recipe.toml and read back, and is accepted as a setting again."""
    with suppress(FacesmithError):
        recipe = with_settings(RECIPES[name], settings)
        table = as_table(recipe)
        assert from_table(table) == recipe
        for key, value in recipe.as_dict().items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            assert value is None or toml_value(value) == value
            assert with_settings(recipe, [f"{key}={text}"]) == recipe


def toml_value(value: Any) -> Any:
    """Return a value as recipe.toml stores and reads it."""
    return tomllib.loads(f"value = {json.dumps(value, ensure_ascii=False)}")["value"]
