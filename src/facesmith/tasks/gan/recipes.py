"""Recipes of GANs: faces from latents. Nothing here imports torch."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from facesmith.errors import FacesmithError
from facesmith.training.schedules import parse_d_schedule
from facesmith.training.settings import (
    AdversarialRecipe,
    learning_setting,
    machine_setting,
    network_setting,
    pretrained_setting,
)


@dataclass(frozen=True)
class GANRecipe(AdversarialRecipe):
    """GAN: faces from latents."""

    task: ClassVar[str] = "gan"

    latent_size: int = network_setting(100, "length of the latent z", minimum=1)
    latent: str = network_setting("normal", "distribution of z", ("normal", "uniform"))
    update: str = learning_setting(
        "alternate",
        "order of updates: alternate (D first, then G with the updated D) or together (both from the same forward pass)",
        ("alternate", "together"),
    )
    d_schedule: str = learning_setting(
        "every", "when D is trained: every, ratio:K, decay:START,FACTOR,EVERY or accuracy:THRESHOLD"
    )
    freeze_discriminator_after: float | None = learning_setting(
        None, "stop training D after this many kimg, for experiments", minimum=0
    )
    attributes: str = network_setting("", "attributes to condition G and D on, separated by commas")
    open_attributes: float = learning_setting(
        0.3, "fraction of training samples for which all attributes are unspecified", minimum=0, maximum=0.5
    )
    balance: bool = learning_setting(True, "oversample images in which one of `attributes` has its rarer value")
    extra_ema_kimg: str = learning_setting(
        "", "half-lives in kimg of additional EMAs, separated by commas; the EMA with the best score is exported"
    )
    warm_up_kimg: float = learning_setting(
        10.0,
        "with `model`, train only D for this many kimg first, to protect G; at most a quarter of the run",
        minimum=0,
    )
    hold_out: bool = learning_setting(
        False, "exclude the images reserved for evaluating encoders, classifiers and edits"
    )
    model: str = pretrained_setting(
        "trained model that provides the network settings and the initial weights of G (--model)"
    )
    compile: str = machine_setting(
        "auto",
        "compilation of steps: none, graph (CUDA graphs), compile (torch.compile) or auto (graph on a GPU, otherwise none)",
        ("auto", "none", "compile", "graph"),
    )

    def check(self) -> None:
        parse_d_schedule(self.d_schedule)
        self.extra_half_lives  # noqa: B018 (refuses an invalid half-life)

    @property
    def extra_half_lives(self) -> list[float]:
        """Return the half-lives of `extra_ema_kimg`. Raises `FacesmithError` unless all and `ema_kimg` are positive."""
        try:
            half_lives = [float(text) for text in self.extra_ema_kimg.split(",") if text.strip()]
        except ValueError:
            half_lives = [0.0]
        if not all(0 < kimg < math.inf for kimg in half_lives):
            raise FacesmithError(
                f"invalid extra_ema_kimg={self.extra_ema_kimg!r}: expected positive numbers separated by commas, for "
                "example 20,80"
            )
        if half_lives and not self.ema_kimg:
            raise FacesmithError(f"extra_ema_kimg={self.extra_ema_kimg} requires an EMA: set ema_kimg above 0")
        return half_lives

    def grow(self) -> Self:
        return replace(super().grow(), model="")  # G starts from the smaller network instead

    @property
    def warm_up_images(self) -> float:
        """Return after how many images G begins to learn."""
        return 1000 * min(self.warm_up_kimg, self.kimg / 4) if self.model else 0.0

    @property
    def attribute_names(self) -> list[str]:
        return [name.strip() for name in self.attributes.split(",") if name.strip()]

    def resolve_machine(self, device: str) -> Self:
        return replace(self, compile="graph" if device == "cuda" else "none") if self.compile == "auto" else self


# fmt: off
_RPGAN: dict[str, Any] = {"loss": "rpgan", "penalty": 2.0, "learning_rate": 4e-4, "beta1": 0.0, "beta2": 0.99, "ema_kimg": 5.0, "latent_size": 64}
RECIPES: tuple[GANRecipe, ...] = (
    GANRecipe("tiny", "faces on a laptop CPU in minutes", **_RPGAN | {"learning_rate": 8e-4}, batch_size=32, learning_rate_end=8e-5, anneal_fraction=0.3, network={"generator_width": 32, "discriminator_width": 32, "bias": True, "discriminator_norm": False}, kimg=400.0, tick_kimg=2.0, checkpoint_kimg=8.0),
    GANRecipe("finetune", "faces like your photos in minutes, starting from a trained model", **_RPGAN | {"penalty": 1.0}, learning_rate_end=4e-5, anneal_fraction=0.3, augment=0.2, kimg=40.0, tick_kimg=2.0, checkpoint_kimg=8.0, score_kimg=10.0),
    GANRecipe("portrait", "smoother images than tiny, after hours on a CPU or one GPU", **_RPGAN | {"learning_rate": 8e-4, "penalty": 1.0, "ema_kimg": 10.0, "latent_size": 128}, family="smooth", extra_ema_kimg="3,40", kimg=2400.0, tick_kimg=20.0, checkpoint_kimg=10.0, score_kimg=100.0),
    GANRecipe("small", "residual networks with a mapping network, for one GPU or a long run on a CPU", **_RPGAN, family="residual", kimg=2000.0, tick_kimg=4.0, checkpoint_kimg=16.0, score_kimg=20.0),
    GANRecipe("base", "a wider and deeper version of small, for one GPU overnight", **_RPGAN | {"learning_rate": 2e-4, "beta2": 0.9}, family="residual", network={"generator_width": 64, "discriminator_width": 64, "blocks": 2, "discriminator_blocks": 1, "finest": 64}, batch_size=256, anneal_fraction=0.9, learning_rate_end=5e-5, beta2_end=0.99, penalty_end=0.2, ema_kimg_end=100.0, augment_end=0.3, kimg=20000.0, tick_kimg=20.0, checkpoint_kimg=100.0, score_kimg=200.0),
    GANRecipe("mini28", "re-implementation of an earlier 28x28 GAN, for 28x28 faces or digits", family="mini28", latent="uniform", real_label=0.9, learning_rate=2.5e-4, beta1=0.45, flip=False),
    GANRecipe("artiface", "re-implementation of ArtiFace, for 128x128 faces", family="artiface", latent_size=250, average_losses=True, learning_rate=1e-4, beta1=0.9, flip=False),
    GANRecipe("celebrity", "re-implementation of Celebrity GAN, a classic DCGAN", flip=False),
    GANRecipe("dcgan64", "re-implementation of DIGITS-GAN, NVIDIA's DCGAN for photo editing", network={"kernel": 5, "bias": True}, update="together", real_label=0.9, generator_label=1.1, average_losses=True, learning_rate=5e-4, beta1=0.9, flip=False),
)
# fmt: on
GAN_RECIPES = {recipe.name: recipe for recipe in RECIPES}
