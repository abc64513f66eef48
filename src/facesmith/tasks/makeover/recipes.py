"""Recipes of makeovers: one kind of face into another. Nothing here imports torch."""

from dataclasses import dataclass
from typing import ClassVar

from facesmith.errors import FacesmithError
from facesmith.tasks.makeover.domains import parse_directions
from facesmith.training.settings import (
    AdversarialRecipe,
    loss_setting,
    network_setting,
    pretrained_setting,
    schedule_setting,
)


@dataclass(frozen=True)
class MakeoverRecipe(AdversarialRecipe):
    """Makeover: translation between two kinds of faces, from a labelled dataset."""

    task: ClassVar[str] = "makeover"
    family_kind: ClassVar[str] = "makeover"

    classifier: str = pretrained_setting("attribute classifier, for the losses that require one")
    family: str = network_setting("masked", "network family")
    directions: str = network_setting(
        "mtf", "mtf, ftm, mtm, ftf, or 'NAME: SOURCE > TARGET'; separate several directions with ';'"
    )
    pixel: float = loss_setting(
        0.8,
        "weight of the mean change of 4x4 pixel averages; the adversarial loss has the weight 1 - pixel",
        minimum=0,
        maximum=1,
    )
    mask: float = loss_setting(
        0.0, "weight of the mean of the mask, which limits how much of an image changes (masked)", minimum=0
    )
    outside: float = loss_setting(0.0, "weight of the mean change outside the face, for aligned faces", minimum=0)
    identity: float = loss_setting(0.0, "weight of the change in the classifier's intermediate features", minimum=0)
    attributes: float = loss_setting(
        0.0, "weight of the change in attributes that source and target faces have equally often", minimum=0
    )
    target: float = loss_setting(0.0, "weight of the loss on the attributes that target faces share", minimum=0)
    shift: float = loss_setting(
        0.0, "maximum random shift of the classifier's input, as a fraction of the image size", minimum=0, maximum=0.5
    )
    colour: float = loss_setting(
        0.0,
        "maximum random change in brightness, saturation and contrast of the classifier's input, as a fraction",
        minimum=0,
        maximum=1,
    )
    noise: float = loss_setting(
        0.0, "standard deviation of noise on D's input, as a fraction of the pixel range", minimum=0
    )
    pixel_end: float | None = schedule_setting(None, "value of pixel at the end of the schedule", minimum=0, maximum=1)
    mask_end: float | None = schedule_setting(None, "value of mask at the end of the schedule", minimum=0)
    noise_end: float | None = schedule_setting(None, "value of noise at the end of the schedule", minimum=0)

    def check(self) -> None:
        count = len(parse_directions(self.directions))
        if self.family == "deep_makeover" and count > 1:
            raise FacesmithError(
                f"the recipe {self.name} learns one direction, not {count}: start one run per direction, or use the "
                "makeover+ recipe"
            )


# fmt: off
RECIPES = (
    MakeoverRecipe("makeover", "re-implementation of deep-makeover: changes one kind of face into another", family="deep_makeover", batch_size=16, beta1=0.9, pixel=0.95, noise=0.2, schedule_half_life_kimg=80.0, learning_rate_end=1e-7, pixel_end=0.7, noise_end=0.0, tick_kimg=4.0, kimg=700.0),
    MakeoverRecipe("makeover+", "several directions in one network, with adjustable strength; only the necessary region changes", batch_size=32, loss="rpgan", penalty=2.0, pixel=0.2, mask_end=0.05, outside=5.0, identity=1.0, attributes=0.05, target=2.0, shift=0.06, colour=0.2, learning_rate=4e-4, beta1=0.0, beta2=0.99, ema_kimg=5.0, anneal_fraction=0.9, learning_rate_end=4e-5, tick_kimg=4.0, score_kimg=20.0, kimg=400.0),
)
# fmt: on
