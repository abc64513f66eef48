import pytest
import torch

from facesmith import FacesmithError
from facesmith.networks import build as networks


@pytest.mark.parametrize("name", ["deep_makeover", "masked"])
def test_a_card_builds_the_network_it_describes(name: str) -> None:
    config = networks.make_config(name, (16, 20), {}, "makeover", directions=1)
    torch.manual_seed(5)
    G, _ = networks.build(name, config, seed=3, kind="makeover")
    first_draw = torch.rand(())
    card = networks.as_card(name, config)
    assert (card["family"], card["size"], card["directions"]) == (name, (16, 20), 1)
    net = networks.from_card(card | {"size": [16, 20]}, "makeover")
    net.load_state_dict(G.state_dict())
    x, strengths = torch.rand(2, 3, 20, 16), torch.ones(2, 1)
    assert torch.equal(net.eval()(x, strengths), G.eval()(x, strengths))
    torch.manual_seed(5)
    assert torch.equal(first_draw, torch.rand(())), "building draws from its own generator"
    repeat, _ = networks.build(name, config, seed=3, kind="makeover")
    assert all(torch.equal(a, b) for a, b in zip(G.parameters(), repeat.parameters(), strict=True))


@pytest.mark.parametrize("card", [{"kind": "makeover"}, {"family": "deep_makeover"}])
def test_old_cards_name_the_family_of_a_makeover_kind(card: dict[str, str]) -> None:
    net = networks.from_card({**card, "size": [16, 16], "directions": 1}, "makeover")
    assert type(net).__module__.endswith("deep_makeover")


def test_a_card_with_an_unknown_family_names_the_plugin_option() -> None:
    with pytest.raises(FacesmithError, match="'diffusion'.*--plugin"):
        networks.from_card({"family": "diffusion", "size": [16, 16]})
