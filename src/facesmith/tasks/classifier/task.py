"""The classifier task: a network learns the attributes of faces from a dataset's labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facesmith.arrays import Floats, Integers
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_split
from facesmith.errors import FacesmithError
from facesmith.images.grid import make_grid
from facesmith.networks.classifier import Config, build
from facesmith.tasks.classifier.recipes import ClassifierRecipe
from facesmith.training.augmentation import vary
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import AUGMENT, Reader, batch, batch_indices, seeded_rng
from facesmith.training.task import Task
from facesmith.training.train_state import TrainState, autocast, eval_mode, new_state, optimize

SHEET_COUNT = 32


class ClassifierTask(Task[ClassifierRecipe]):
    """Attributes from faces: `ClassifierRecipe`."""

    names: ClassVar = {"C": "classifier"}

    def __init__(
        self, recipe: ClassifierRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]
    ) -> None:
        super().__init__(recipe, dataset, group, pretrained)
        self.attributes, table = dataset.attributes, dataset.attribute_values()
        if not self.attributes:
            raise FacesmithError(
                f"{dataset.name} has no attributes to learn: import labelled photos with facesmith data import"
            )
        self.labels = torch.from_numpy(table)  # N x A: 1, 0, or -1 unknown
        self.held_out, self.training_rows = held_out_split(dataset)

    @property
    def networks(self) -> Config:
        recipe = self.recipe
        return Config(self.dataset.size, len(self.attributes), recipe.width, recipe.feature_size, recipe.dropout)

    def new_state(self) -> TrainState:
        recipe = self.recipe
        return new_state(
            recipe,
            {"C": build(self.networks, recipe.seed)},
            "C",
            self.device,
            self.group,
            weight_decay=recipe.weight_decay,
        )

    def card_entries(self) -> dict[str, Any]:
        """Return the attributes, their rates among held-out images, and the numbers of images."""
        known = self.labels[self.held_out]
        rates = ((known == 1).sum(0) / (known >= 0).sum(0).clamp(min=1)).tolist()
        return {
            "attributes": self.attributes,
            "base_rates": [round(rate, 5) for rate in rates],
            "learned_from": len(self.training_rows),
            "held_out": len(self.held_out),
        }

    def prepare(self, read: Reader, notify: Callable[[str], Any]) -> None:
        super().prepare(read, notify)
        self.labels = self.labels.to(self.device)

    def step(self, state: TrainState, recipe: ClassifierRecipe, progress: Progress) -> dict[str, Tensor]:
        """Minimise the cross-entropy of all known labels of the next batch."""
        images_seen = progress.images_seen
        x = batch(self.read, recipe, images_seen, self.training_rows, self.device, self.batch_part)
        indices = batch_indices(recipe, images_seen, self.training_rows)[self.batch_part]
        rng = seeded_rng(self.device, recipe.seed, AUGMENT, images_seen, progress.rollbacks, self.group.rank)
        labels = self.labels[torch.from_numpy(indices).to(self.device)]
        with autocast(state):
            logits = state.nets["C"](vary(x, recipe.shift, recipe.colour, rng))[0].float()
        is_known, truth = (labels >= 0).float(), labels.clamp(min=0).float()
        loss = (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * is_known).mean()
        norm = optimize(loss, state, recipe, images_seen)
        accuracy = (((logits > 0) == (truth > 0)) * is_known).sum() / is_known.sum().clamp(min=1)
        return {"loss_C": loss.detach(), "accuracy": accuracy, "grad_C": norm}

    def progress_text(self, means: dict[str, float]) -> str:
        return f"loss {means['loss_C']:.3f}, accuracy {means['accuracy']:.1%}"

    def sample_sheet(self, state: TrainState) -> Image.Image:
        """Return held-out faces, each labelled with its two largest errors."""
        indices = self.held_out[:SHEET_COUNT]
        labels = self.labels[indices].cpu().numpy()
        errors = np.where(labels >= 0, np.abs(self.probabilities(state, indices) - labels), 0)
        captions = [_mistakes(self.attributes, row, truth) for row, truth in zip(errors, labels, strict=True)]
        return make_grid(np.asarray(self.dataset.images[indices]), columns=8, labels=captions, scale=2 * self.scale)

    def score(self, state: TrainState) -> dict[str, float]:
        """Return the accuracy on held-out images: the mean over attributes, and that of each attribute."""
        indices = self.held_out[: self.recipe.score_count]
        labels = self.labels[indices].cpu().numpy()
        known = labels >= 0
        correct = ((self.probabilities(state, indices) > 0.5) == (labels == 1)) & known
        accuracies = correct.sum(0) / np.maximum(known.sum(0), 1)
        mean = float(accuracies[known.any(0)].mean())
        by_name = {f"accuracy_{name}": float(value) for name, value in zip(self.attributes, accuracies, strict=True)}
        return {"accuracy": mean, "count": len(indices), **by_name}

    def score_key(self, score: dict[str, float]) -> tuple[float, ...]:
        return (-score["accuracy"],)

    def probabilities(self, state: TrainState, indices: Integers) -> Floats:
        """Return the probability of every attribute (N x A) of these images, by the EMA network."""
        with eval_mode(state.ema) as net:
            blocks = [net(block)[0].sigmoid().cpu() for block in self.read_blocks(indices)]
        return np.asarray(torch.cat(blocks).numpy(), np.float32)


def _mistakes(attributes: list[str], errors: Floats, labels: NDArray[np.int8]) -> str:
    largest = [index for index in np.argsort(-errors)[:2] if errors[index] > 0.5]
    return "\n".join(f"{'not ' if labels[index] else ''}{attributes[index]}?" for index in largest) or "all correct"
