"""The GAN task: the steps, sample sheets and scores of a generator G and a discriminator D."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from facesmith.arrays import Images
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_split
from facesmith.images.grid import BACKGROUND, make_grid
from facesmith.images.pixels import to_float, to_uint8
from facesmith.images.provenance import GENERATED
from facesmith.metrics.features import check_packages
from facesmith.metrics.scores import score_key
from facesmith.models.folder import ModelFolder
from facesmith.tasks.gan.compiled_step import choose_step
from facesmith.tasks.gan.conditions import balance, draw_conditions, known_conditions
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.start import load_generator
from facesmith.tasks.gan.step import network_config, new_state, without_warm_up
from facesmith.tasks.gan.step_check import check_step
from facesmith.tasks.pretrained import refuse_other_size
from facesmith.training.adversarial_losses import nearest_distance
from facesmith.training.checkpoint import EMA_KIMG, Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import LATENTS, REAL, SCORES, SHEET, Reader, batch, draw_latents
from facesmith.training.schedules import d_learns, parse_d_schedule, running_accuracy
from facesmith.training.task import Task
from facesmith.training.train_state import TrainState, eval_mode, update_extra_emas

SHEET_COUNT = 64


class GANTask(Task[GANRecipe]):
    """Train G to generate faces from latents: see `GANRecipe`."""

    names: ClassVar = {"G": "generator", "D": "discriminator"}
    sheet_type = GENERATED

    def __init__(self, recipe: GANRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]) -> None:
        super().__init__(recipe, dataset, group, pretrained)
        self.d_schedule = parse_d_schedule(recipe.d_schedule)
        self.training_rows = held_out_split(dataset)[1] if recipe.hold_out else np.arange(len(dataset))
        self.conditions: Tensor | None = None  # of every image of the dataset, where attributes are an input
        if recipe.attribute_names:
            self.conditions = known_conditions(recipe, dataset)
            if recipe.balance:
                self.training_rows = balance(self.conditions, self.training_rows, recipe.seed)
        self.attribute_count = len(recipe.attribute_names)
        if "model" in pretrained:
            self.model = group.on_rank_zero(ModelFolder(pretrained["model"], "generator").read_card)
            refuse_other_size("model", self.model["network"]["size"], dataset)
        self.sheet_latents = self._latents(SHEET_COUNT, SHEET)
        self.scorer: Any = None

    @property
    def networks(self) -> Any:
        return self.recipe.family, network_config(self.recipe, self.dataset.size)

    def new_state(self) -> TrainState:
        """Return fresh networks, or with a ``model`` its G and a fresh D."""
        state = new_state(self.recipe, self.dataset.size, self.device, self.group)
        if "model" in self.pretrained:
            self.group.on_rank_zero(lambda: load_generator(self.pretrained["model"], self.recipe, state))
            for net in (state.nets["G"], state.ema, *state.extra_emas.values()):
                self.group.broadcast_tensors(net.state_dict().values())
        return state

    def card_entries(self) -> dict[str, Any]:
        """Return the model that G started from."""
        if "model" not in self.pretrained:
            return {}
        credit = self.model.get("dataset", {}).get("source", {}).get("credit")
        return {"model": self.model["name"], "digest": self.model["digest"], "credit": credit}

    def prepare(self, read: Reader, notify: Callable[[str], Any]) -> None:
        super().prepare(read, notify)
        step = choose_step(self.recipe, self.group, notify)
        self.gan_step = check_step(step, self.recipe, self.dataset.size, self.device, notify)
        self.real_diversity = real_diversity(self.dataset.images, self.recipe.seed)

    def step(self, state: TrainState, recipe: GANRecipe, progress: Progress) -> dict[str, Tensor]:
        """Train G, and D if its schedule says so; `Progress` counts the steps of D."""
        real = batch(self.read, recipe, progress.images_seen, self.training_rows, self.device, self.batch_part)
        key = progress.step, progress.rollbacks
        z = self._latents(recipe.batch_size, LATENTS, *key)
        if self.conditions is not None:
            z[:, recipe.latent_size :] = draw_conditions(
                self.conditions, self.training_rows, recipe, progress.images_seen, self.device, *key
            )
        z = z[self.batch_part]
        is_frozen = recipe.freeze_discriminator_after is not None and progress.kimg >= recipe.freeze_discriminator_after
        if 0 < progress.quarter <= progress.images_seen:
            recipe = without_warm_up(recipe)
        learns = not is_frozen and d_learns(self.d_schedule, progress.step, recipe.batch_size, progress.d_accuracy)
        measured = self.gan_step(state, real, z, recipe, progress.d_steps if learns else None, progress.images_seen)
        update_extra_emas(state, recipe, progress.images_seen)
        if self.d_schedule.threshold is not None:  # this rule alone waits for the device at every step
            accuracy = (measured["accuracy_real"] + measured["accuracy_fake"]) / 2
            self.group.all_reduce_mean([accuracy])
            progress.d_accuracy = running_accuracy(progress.d_accuracy, float(accuracy))
        progress.d_steps += learns
        return measured

    def occasional_metrics(self, state: TrainState) -> dict[str, Tensor]:
        """Return the diversity of the sheet's faces, relative to real images.

        It is that of G itself: the EMA would show a collapse too late.
        """
        return {"diversity": nearest_distance(images_of(state.nets["G"], self.sheet_latents)) / self.real_diversity}

    def progress_text(self, means: dict[str, float]) -> str:
        accuracy = (means["accuracy_real"] + means["accuracy_fake"]) / 2
        return f"D {means['loss_D']:.2f} G {means['loss_G']:.2f}, D accuracy {accuracy:.0%}"

    def sample_sheet(self, state: TrainState) -> Image.Image:
        return make_grid(to_uint8(images_of(state.ema, self.sheet_latents)), scale=self.scale)

    def final_images(self, state: TrainState) -> dict[str, Image.Image]:
        chosen = np.random.default_rng([self.recipe.seed, SHEET]).permutation(len(self.dataset))[:SHEET_COUNT]
        real = make_grid(np.asarray(self.dataset.images[np.sort(chosen)]), scale=self.scale)
        generated = self.sample_sheet(state)
        both = Image.new("RGB", (real.width + generated.width + 24, max(real.height, generated.height)), BACKGROUND)
        both.paste(real, (0, 0))
        both.paste(generated, (both.width - generated.width, 0))
        return {"real_beside_generated.png": both}

    def check_scores(self) -> None:
        check_packages()

    def prepare_scores(self) -> None:
        from facesmith.metrics.scoring import Scorer

        self.scorer = Scorer(self.dataset, count=self.recipe.score_count, device=self.device)

    def score(self, state: TrainState) -> dict[str, float]:
        """Return KID, FID and diversity of the EMA; of several EMAs, those of the best, and its half-life."""

        emas = {0.0: state.ema, **state.extra_emas}
        scores = [self.scorer.score(partial(self._draw, ema)) | {EMA_KIMG: kimg} for kimg, ema in emas.items()]
        best: dict[str, float] = min(scores, key=self.score_key)
        if not state.extra_emas:
            del best[EMA_KIMG]
        return best

    def score_key(self, score: dict[str, float]) -> tuple[float, ...]:
        return score_key(score)

    def _draw(self, ema: nn.Module, start: int, count: int) -> Images:
        return to_uint8(images_of(ema, self._latents(count, SCORES, start, count)))

    def _latents(self, count: int, *key: int) -> Tensor:
        """Return random latents; attributes that are an input are left open."""
        recipe = self.recipe
        z = draw_latents(recipe.latent, (count, recipe.latent_size), self.device, recipe.seed, *key)
        return F.pad(z, (0, self.attribute_count))


def images_of(net: nn.Module, z: Tensor) -> Tensor:
    """Return the images of z by a G in evaluation mode, in float32: N x 3 x H x W in [-1, 1]."""
    with eval_mode(net):
        images: Tensor = net(z)
    return images


def real_diversity(images: Images, seed: int) -> float:
    """Return `nearest_distance` of as many real images as a sheet has, averaged over eight draws."""
    rng = np.random.default_rng([seed, REAL])
    draws = [rng.permutation(len(images))[:SHEET_COUNT] for _ in range(8)]
    samples = [to_float(torch.from_numpy(images[np.sort(draw)])) for draw in draws]
    return max(1e-6, sum(float(nearest_distance(sample)) for sample in samples) / len(samples))
