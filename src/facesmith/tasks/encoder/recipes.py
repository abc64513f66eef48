"""The recipe of encoders: latents from faces. Nothing here imports torch."""

from dataclasses import dataclass
from typing import ClassVar

from facesmith.training.settings import Recipe, loss_setting, network_setting, pretrained_setting


@dataclass(frozen=True)
class EncoderRecipe(Recipe):
    """Encoder: latents from faces, for a trained generator."""

    task: ClassVar[str] = "encoder"

    model: str = pretrained_setting("model with the generator that E is trained for (--model)")
    classifier: str = pretrained_setting("attribute classifier that provides the features for the perceptual loss")
    gan: str = pretrained_setting(
        "run that the model was exported from; its D initialises E and, by default, provides the features for the "
        "perceptual loss"
    )
    width: int = network_setting(
        0, "number of channels in E's layer at half the image resolution; 0 uses D's width", minimum=0
    )
    norm: bool = network_setting(True, "use batch norm in E, except after its first layer (dcgan)")
    detail: bool = network_setting(
        True, "let E also predict a residual for G's first feature map, if that map is small"
    )
    # The weight of each part of the loss; 0 disables it.
    pixel: float = loss_setting(1.0, "weight of the difference between a photo and its reconstruction", minimum=0)
    pixel_power: float = loss_setting(2.0, "exponent of the difference between two pixels", minimum=1, maximum=2)
    latent: float = loss_setting(0.1, "weight of the squared error in the latents of generated faces", minimum=0)
    feature: float = loss_setting(
        0.1,
        "weight of the relative squared difference between the features of a photo and its reconstruction",
        minimum=0,
    )
    prior: float = loss_setting(
        0.01, "weight of the squared deviation of the latent's norm from its expected value", minimum=0
    )
    detail_prior: float = loss_setting(
        0.1, "weight of the residual's mean square, multiplied by ten for generated faces", minimum=0
    )


# fmt: off
RECIPES = (
    EncoderRecipe("encoder", "predicts the latent of a photo, for a trained model", learning_rate=1e-3, beta1=0.9, ema_kimg=5.0, anneal_fraction=0.9, learning_rate_end=1e-5, score_kimg=10.0, kimg=300.0),
)
# fmt: on
