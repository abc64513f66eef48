"""The task of the judge: to say what a face has, as the dataset's labels do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facesmith.data.dataset import Dataset
from facesmith.data.holdout import attribute_table, parted
from facesmith.errors import FacesmithError
from facesmith.images.grid import make_grid
from facesmith.images.pixels import to_float
from facesmith.networks.classifier import Config, build
from facesmith.tasks.recipes import ClassifierRecipe
from facesmith.training.augment import vary
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import AUGMENT, Reader, generator, picture_indices, pictures
from facesmith.training.task import Task
from facesmith.training.train_state import TrainState, autocast, eval_mode, new_state, optimize

SHEET_COUNT = 32
BLOCK = 64  # pictures judged at a time


class ClassifierTask(Task[ClassifierRecipe]):
    """Attributes from faces: `ClassifierRecipe`."""

    names: ClassVar = {"J": "classifier"}

    def __init__(
        self, recipe: ClassifierRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]
    ) -> None:
        super().__init__(recipe, dataset, group, pretrained)
        self.attributes, table = attribute_table(dataset)
        if not self.attributes:
            raise FacesmithError(
                f"{dataset.name} has no attributes to learn: import photos that have labels, with facesmith data import"
            )
        self.labels = torch.from_numpy(table)  # N x A: 1, 0, or -1 unknown
        self.held, self.learned = parted(dataset)

    @property
    def networks(self) -> Config:
        recipe = self.recipe
        return Config(self.dataset.size, len(self.attributes), recipe.width, recipe.feature_size, recipe.dropout)

    def fresh(self) -> TrainState:
        recipe = self.recipe
        return new_state(
            recipe,
            {"J": build(self.networks, recipe.seed)},
            "J",
            self.device,
            self.group,
            weight_decay=recipe.weight_decay,
        )

    def facts(self) -> dict[str, Any]:
        """The attributes, how often each is seen among held-out pictures, and how many pictures are which."""
        known = self.labels[self.held]
        rates = ((known == 1).sum(0) / (known >= 0).sum(0).clamp(min=1)).tolist()
        return {
            "attributes": self.attributes,
            "base_rates": [round(rate, 5) for rate in rates],
            "learned_from": len(self.learned),
            "held_out": len(self.held),
        }

    def prepare(self, read: Reader, say: Callable[[str], Any]) -> None:
        self.read, self.labels = read, self.labels.to(self.device)

    def step(self, state: TrainState, now: ClassifierRecipe, progress: Progress) -> dict[str, Tensor]:
        """Cross-entropy over all known labels of the next batch."""
        share, shown = self.group.local_batch(now.batch_size), progress.images_seen
        indices = self.learned[picture_indices(now.seed, shown, now.batch_size, len(self.learned), now.epoch_share)]
        x = pictures(self.read, indices, now, shown, self.device, share)
        rng = generator(self.device, now.seed, AUGMENT, shown, progress.rollbacks, self.group.rank)
        labels = self.labels[torch.from_numpy(indices[share]).to(self.device)]
        with autocast(state):
            logits = state.nets["J"](vary(x, now.shift, now.colour, rng))[0].float()
        known, truth = (labels >= 0).float(), labels.clamp(min=0).float()
        loss = (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * known).mean()
        norm = optimize(loss, state, now, shown)
        right = (((logits > 0) == (truth > 0)) * known).sum() / known.sum().clamp(min=1)
        return {"loss_J": loss.detach(), "accuracy": right, "grad_J": norm}

    def on_the_bar(self, means: dict[str, float]) -> str:
        return f"loss {means['loss_J']:.3f}, right on {means['accuracy']:.1%} of what it learns from"

    def sheet(self, state: TrainState) -> Image.Image:
        """Held-out faces, each with the attributes it is most wrongly said to have or not to have."""
        chosen = self.held[:SHEET_COUNT]
        shown, labels = np.asarray(self.dataset.images[chosen]), self.labels[chosen].cpu().numpy()
        wrong = np.where(labels >= 0, np.abs(self.judged(state, chosen) - labels), 0)
        said = [_mistakes(self.attributes, row, truth) for row, truth in zip(wrong, labels, strict=True)]
        return make_grid(shown, columns=8, labels=said, scale=2 * self.scale)

    def score(self, state: TrainState) -> dict[str, float]:
        """Accuracy on held-out pictures: the mean over attributes, and each attribute's."""
        chosen = self.held[: self.recipe.score_count]
        labels = self.labels[chosen].cpu().numpy()
        known = labels >= 0
        right = ((self.judged(state, chosen) > 0.5) == (labels == 1)) & known
        each = right.sum(0) / np.maximum(known.sum(0), 1)
        mean = float(each[known.any(0)].mean())
        by_name = {f"accuracy_{name}": float(one) for name, one in zip(self.attributes, each, strict=True)}
        return {"accuracy": mean, "count": len(chosen), **by_name}

    def rank(self, score: dict[str, float]) -> tuple[float, ...]:
        return (-score["accuracy"],)

    def judged(self, state: TrainState, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """The probability of every attribute (N x A) of these pictures, by the averaged judge."""
        found = []
        with eval_mode(state.ema) as net:
            for start in range(0, len(chosen), BLOCK):
                x = to_float(self.read(chosen[start : start + BLOCK]))
                found.append(net(x)[0].sigmoid().cpu())
        return np.asarray(torch.cat(found).numpy(), np.float32)


def _mistakes(attributes: list[str], wrong: NDArray[np.float32], labels: NDArray[np.int8]) -> str:
    worst = [place for place in np.argsort(-wrong)[:2] if wrong[place] > 0.5]
    return "\n".join(f"{'not ' if labels[place] else ''}{attributes[place]}?" for place in worst) or "all right"
