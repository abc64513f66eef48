"""The recipe of attribute classifiers. Nothing here imports torch."""

from dataclasses import dataclass
from typing import ClassVar

from facesmith.training.settings import Recipe, learning_setting, network_setting


@dataclass(frozen=True)
class ClassifierRecipe(Recipe):
    """Attribute classifier: the attributes of a face, from a labelled dataset."""

    task: ClassVar[str] = "classifier"

    width: int = network_setting(
        24,
        "number of channels at half the image resolution, doubled at each level up to eight times the width",
        minimum=1,
    )
    feature_size: int = network_setting(256, "length of the feature vector", minimum=1)
    dropout: float = network_setting(0.1, "fraction of the features dropped in each step", minimum=0, maximum=0.9)
    weight_decay: float = learning_setting(0.05, "weight decay of AdamW", minimum=0)
    shift: float = learning_setting(
        0.06, "maximum random shift of each image, as a fraction of the image size", minimum=0, maximum=0.5
    )
    colour: float = learning_setting(
        0.2, "maximum random change in brightness, saturation and contrast, as a fraction", minimum=0, maximum=1
    )


# fmt: off
RECIPES = (
    ClassifierRecipe("classifier", "predicts the attributes of a face, for measuring edits and labelling datasets", learning_rate=2e-3, beta1=0.9, ema_kimg=10.0, anneal_fraction=0.9, learning_rate_end=1e-5, score_kimg=20.0, score_count=2000, kimg=500.0),
)
# fmt: on
