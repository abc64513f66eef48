import pytest
import torch

from facesmith import FacesmithError
from facesmith.networks import makeover_registry as makeovers
from facesmith.tasks.recipes import RECIPES, MakeoverRecipe


@pytest.mark.parametrize("name", ["makeover", "makeover+"])
def test_a_card_makes_the_network_it_describes(name: str) -> None:
    recipe = RECIPES[name]
    assert isinstance(recipe, MakeoverRecipe)
    config = makeovers.describe(recipe.kind, (16, 20), 1, recipe)
    torch.manual_seed(5)
    G, _ = makeovers.build(recipe.kind, config, seed=3)
    drawn = torch.rand(())
    card = makeovers.as_card(recipe.kind, config)
    assert (card["kind"], card["size"], card["directions"]) == (recipe.kind, (16, 20), 1)
    net = makeovers.from_card(card | {"size": [16, 20]})
    net.load_state_dict(G.state_dict())
    x, strengths = torch.rand(2, 3, 20, 16), torch.ones(2, 1)
    assert torch.equal(net.eval()(x, strengths), G.eval()(x, strengths))
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(())), "building draws nothing from what others draw from"
    again, _ = makeovers.build(recipe.kind, config, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(G.parameters(), again.parameters(), strict=True))


def test_a_kind_of_a_later_version_is_one_sentence() -> None:
    with pytest.raises(FacesmithError, match="knows no makeover 'diffusion'"):
        makeovers.from_card({"kind": "diffusion", "size": [16, 16]})
