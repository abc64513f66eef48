"""Start a GAN from a trained model: its network settings and G's weights. D starts from random weights."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from facesmith.errors import FacesmithError
from facesmith.models.folder import ModelFolder, find_model_folder
from facesmith.networks.build import complete_card
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.training.settings import Recipe, with_settings
from facesmith.training.train_state import TrainState


def inherited_settings(recipe: Recipe, changes: Iterable[str]) -> list[str]:
    """Return the ``key=value`` settings of the model that a GAN starts from: its network family, network and latents.

    ``changes`` are the settings of the user, who names the model there. Without one, nothing is inherited.
    """
    if not isinstance(recipe, GANRecipe):
        return []
    keys = {change.partition("=")[0].strip(): change for change in changes}
    model = with_settings(recipe, [keys["model"]]).model if "model" in keys else recipe.model
    if recipe.name == "finetune" and not model:
        raise FacesmithError(
            "the recipe finetune starts from a trained model: set model, for example with --model celeba64"
        )
    if not model:
        return []
    if "family" in keys:
        raise FacesmithError("the network family is that of the model that training starts from: leave out family")
    card = find_model_folder(model, "generator")[0].read_card()
    network = complete_card(card["network"])
    network["latent_size"] -= len(card.get("conditions", []))
    del network["size"]
    return [f"{key}={value}" for key, value in {**network, "latent": card["latent"]}.items()]


def load_generator(path: Path, recipe: GANRecipe, state: TrainState) -> None:
    """Load the weights of the model in a folder into G and its EMAs. Raises `FacesmithError` if the networks differ."""
    folder = ModelFolder(path, "generator")
    card = folder.read_card()
    nets = [state.nets["G"], state.ema, *state.extra_emas.values()]
    weights, conditions = folder.read_weights(), card.get("conditions", [])
    misfit = FacesmithError(
        f"the generator of {card['name']} does not fit the settings of the run: leave out the settings of the network "
        "and of its latents, because they come from the model"
    )
    if card["network"]["latent_size"] != recipe.latent_size + len(conditions):
        raise misfit
    if conditions != recipe.attribute_names:
        layers = getattr(nets[0], "latent_layers", ())
        if not layers:
            raise FacesmithError(
                f"the attributes that {card['name']} takes cannot be changed: set attributes={','.join(conditions)}"
            )
        weights = fit_inputs(weights, conditions, recipe, layers)
    try:
        for net in nets:
            net.load_state_dict(weights)
    except RuntimeError:
        raise misfit from None


def fit_inputs(
    weights: Mapping[str, Tensor], conditions: Sequence[str], recipe: GANRecipe, layers: Sequence[str]
) -> dict[str, Tensor]:
    """Return the weights of a G with the attributes ``conditions`` as input for a G with those of ``recipe``.

    ``layers`` are the names of the layers that read the latent. Their columns of z stay; those of attributes are kept,
    removed, or new and zero, so that faces without attributes do not change.
    """
    names, z = recipe.attribute_names, recipe.latent_size
    columns = [*range(z), *(z + conditions.index(name) if name in conditions else -1 for name in names)]

    def fit(key: str, value: Tensor) -> Tensor:
        reads_latent = value.ndim == 2 and any(key.startswith(f"{layer}.") for layer in layers)
        return nn.functional.pad(value, (0, 1))[:, columns] if reads_latent else value

    return {key: fit(key, value) for key, value in weights.items()}
