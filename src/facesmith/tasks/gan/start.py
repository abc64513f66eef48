"""The start of a GAN from a trained model: with its network and the weights of its G. D is new."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from facesmith.errors import FacesmithError
from facesmith.models.folder import ModelFolder
from facesmith.models.model import load
from facesmith.networks.build import complete_card
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.training.train_state import TrainState


def generator_settings(model: str) -> list[str]:
    """Return the ``key=value`` settings of a recipe for the generator of a model: its family, network and latents."""
    card = ModelFolder(load(model, quiet=True).path, "generator").read_card()
    network = complete_card(card["network"])
    network["latent_size"] -= len(card.get("conditions", []))
    del network["size"]
    return [f"{key}={value}" for key, value in {**network, "latent": card["latent"]}.items()]


def load_generator(path: Path, recipe: GANRecipe, state: TrainState) -> None:
    """Give G and its averages the weights of the model in a folder. Raises `FacesmithError` if the networks differ."""
    folder = ModelFolder(path, "generator")
    card = folder.read_card()
    weights = fit_inputs(folder.read_weights(), card.get("conditions", []), recipe)
    try:
        for net in (state.nets["G"], state.ema, *state.extra_emas.values()):
            net.load_state_dict(weights)
    except RuntimeError:
        raise FacesmithError(
            f"the generator of {card['name']} does not fit the settings of the run: leave out the settings of the "
            "network and of its latents, which are the model's"
        ) from None


def fit_inputs(weights: Mapping[str, Tensor], conditions: Sequence[str], recipe: GANRecipe) -> dict[str, Tensor]:
    """Return the weights of a G with the attributes ``conditions`` as input for a G with those of ``recipe``.

    Layers that read the latent keep the columns of z. Columns of attributes are kept, removed, or new and zero, so that
    faces without attributes stay the same.
    """
    names, z = recipe.attribute_names, recipe.latent_size
    columns = [*range(z), *(z + conditions.index(name) if name in conditions else -1 for name in names)]
    reads_latent = {key for key, value in weights.items() if value.ndim == 2 and value.shape[1] == z + len(conditions)}
    return {key: F.pad(value, (0, 1))[:, columns] if key in reads_latent else value for key, value in weights.items()}
