import pytest

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
        ("batch_size", "no '='"),
        ("name=other", "no setting 'name'"),
    ],
)
def test_an_invalid_setting_is_refused(setting: str, sentence: str) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        with_settings(RECIPES["tiny"], [setting])


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(FacesmithError, match="did you mean celebrity"):
        get_recipe("celebritty")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_equals_its_saved_table(name: str) -> None:
    assert from_table(as_table(RECIPES[name])) == RECIPES[name]


def test_a_table_of_another_version_is_refused() -> None:
    with pytest.raises(FacesmithError, match="novelty"):
        from_table(as_table(RECIPES["tiny"]) | {"novelty": 1})


def test_differences_name_the_setting_and_both_values() -> None:
    tiny = RECIPES["tiny"]
    assert differences(tiny, with_settings(tiny, ["seed=3"])) == ["seed 0 -> 3"]
