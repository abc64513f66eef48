"""The makeover task: G changes one kind of face into another, and D tells the results from real target faces."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from facesmith.arrays import Integers
from facesmith.data.dataset import Dataset
from facesmith.images.face_crop import aligned_face_region
from facesmith.images.grid import make_grid
from facesmith.images.pixels import to_uint8
from facesmith.images.provenance import EDITED
from facesmith.metrics.features import check_packages
from facesmith.networks import build as networks
from facesmith.tasks.makeover.batches import draw_batch, draw_noise
from facesmith.tasks.makeover.domains import find_domains, parse_directions
from facesmith.tasks.makeover.losses import (
    AttributeTargets,
    attribute_targets,
    change_outside,
    classifier_losses,
    mean_change,
)
from facesmith.tasks.makeover.recipes import MakeoverRecipe
from facesmith.tasks.makeover.scores import Scorer, target_share
from facesmith.tasks.pretrained import build_classifier, classifier_card
from facesmith.training.adversarial_losses import (
    accuracies,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    nearest_distance,
)
from facesmith.training.augmentation import augment, vary
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import AUGMENT, VIEW, Reader, load_batch, seeded_rng
from facesmith.training.schedules import schedule_progress
from facesmith.training.task import BLOCK, Task
from facesmith.training.train_state import (
    TrainState,
    autocast,
    backward,
    ema_weight,
    eval_mode,
    new_state,
    set_hyperparameters,
    update_ema,
)

SHEET_COUNT, MAX_PER_DIRECTION = 32, 16  # faces on a sheet
CLASSIFIER_LOSSES = ("identity", "attributes", "target")
WEIGHTED_LOSSES = ("mask", "outside", *CLASSIFIER_LOSSES)  # settings that are the weights of the losses of these names


class MakeoverTask(Task[MakeoverRecipe]):
    """Faces of another kind from faces: `MakeoverRecipe`."""

    names: ClassVar = {"G": "generator", "D": "discriminator"}
    sheet_type = EDITED

    def __init__(
        self, recipe: MakeoverRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]
    ) -> None:
        super().__init__(recipe, dataset, group, pretrained)
        self.domains = [find_domains(dataset, direction) for direction in parse_directions(recipe.directions)]
        self.config = networks.make_config(
            recipe.family, dataset.size, recipe.network, "makeover", directions=len(self.domains)
        )
        if "classifier" in pretrained:
            self.classifier = classifier_card(pretrained["classifier"], dataset, group)
            attributes = self.classifier["attributes"]
            self.targets = attribute_targets(attributes, dataset, self.domains)
            for domain in self.domains:  # refuses attributes that the classifier does not have, before the first score
                target_share(domain.direction.target, attributes, np.zeros((1, len(attributes)), np.float32))
        region = aligned_face_region(dataset.card)
        self.background = None if region is None else torch.from_numpy(~region).float().to(self.device)
        count = min(MAX_PER_DIRECTION, max(1, SHEET_COUNT // len(self.domains)))
        self.sheet_faces = [domain.held_out_sources[:count] for domain in self.domains]
        self.scorer: Any = None

    @property
    def networks(self) -> Any:
        return self.recipe.family, self.config

    def new_state(self) -> TrainState:
        G, D = networks.build(self.recipe.family, self.config, self.recipe.seed, "makeover")
        pretrained: dict[str, nn.Module] = {}
        if "classifier" in self.pretrained:
            path = self.pretrained["classifier"]
            pretrained["C"] = build_classifier(self.classifier, path, self.dataset, self.group)
        return new_state(self.recipe, {"G": G, "D": D}, "G", self.device, self.group, pretrained)

    def card_entries(self) -> dict[str, Any]:
        """Return the network, and the directions with the number of faces in each domain."""
        return {
            "network": networks.as_card(self.recipe.family, self.config),
            "directions": [asdict(domain.direction) for domain in self.domains],
            "counts": [domain.counts() for domain in self.domains],
        }

    def prepare(self, read: Reader, notify: Callable[[str], Any]) -> None:
        super().prepare(read, notify)
        for domain in self.domains:
            notify(str(domain))
        if "classifier" in self.pretrained:
            self.targets = AttributeTargets(*(part.to(self.device) for part in self.targets))
        elif disabled := [name for name in CLASSIFIER_LOSSES if getattr(self.recipe, name)]:
            notify(f"without a classifier (--set classifier=FOLDER), these losses are disabled: {', '.join(disabled)}")

    def step(self, state: TrainState, recipe: MakeoverRecipe, progress: Progress) -> dict[str, Tensor]:
        """Train D and G from the same pass: D on changed and target faces, G on D's logits and its other losses."""
        images_seen = progress.images_seen
        k, x, real = self._batch(recipe, images_seen)
        strengths = F.one_hot(k, len(self.domains)).float()
        noise = draw_noise(recipe, progress, self.dataset.size, self.device)[self.batch_part]
        rng = seeded_rng(self.device, recipe.seed, AUGMENT, images_seen, progress.rollbacks, self.group.rank)
        G, D = state.nets["G"], state.nets["D"]
        change: Any = G.change
        penalised = recipe.penalty > 0 and progress.step % recipe.penalty_every == 0
        for optimizer in state.optimizers.values():
            set_hyperparameters(optimizer, recipe.learning_rate, (recipe.beta1, recipe.beta2))

        def logits_of(images: Tensor) -> Tensor:
            """Return D's logits (N), each of the direction of its image."""
            noisy = images + noise
            logits: Tensor = D(augment(noisy, recipe.augment, rng) if recipe.augment else noisy)
            return logits.gather(1, k[:, None]).squeeze(1).float()

        with autocast(state):
            changed, mask = change(x, strengths)
            real.requires_grad_(penalised)
            logits_real, logits_fake = logits_of(real), logits_of(changed)
            losses = {"moved": mean_change(changed, x)}
            if mask is not None:
                losses["mask"] = mask.mean()
            if self.background is not None:
                losses["outside"] = change_outside(changed, x, self.background)
            if "C" in state.pretrained and any(getattr(recipe, name) for name in CLASSIFIER_LOSSES):
                before, after = (self._varied(images, recipe, progress) for images in (x, changed))
                losses |= classifier_losses(state.pretrained["C"], after, before, k, self.targets)
            loss_D = discriminator_loss(logits_real, logits_fake, recipe)
            adversarial = generator_loss(logits_real, logits_fake, recipe)
            loss_G = (1 - recipe.pixel) * adversarial + recipe.pixel * losses["moved"]
            for name in WEIGHTED_LOSSES:
                if name in losses:
                    loss_G = loss_G + getattr(recipe, name) * losses[name]
            measured = {"loss_D": loss_D, "loss_G": loss_G, **losses}
            if penalised:
                measured["r1"] = gradient_penalty(logits_real, real)
                measured["r2"] = gradient_penalty(logits_fake, changed)
                loss_D = loss_D + recipe.penalty_weight * (measured["r1"] + measured["r2"])
        measured["grad_G"] = backward(loss_G, G, state.group, retain_graph=True)
        measured["grad_D"] = backward(loss_D, D, state.group)
        for optimizer in state.optimizers.values():
            optimizer.step()
        update_ema(state, ema_weight(recipe, images_seen))
        measured |= {"logit_real": logits_real.mean(), "logit_fake": logits_fake.mean()}
        measured["accuracy_real"], measured["accuracy_fake"] = accuracies(logits_real, logits_fake, recipe)
        schedule = {
            "annealing": 1 - schedule_progress(recipe, images_seen, progress.anneal_span),
            "pixel_share": recipe.pixel,
            "noise": recipe.noise,
            "learning_rate": recipe.learning_rate,
        }
        measured |= {name: torch.full((), value, device=self.device) for name, value in schedule.items()}
        return {name: value.detach() for name, value in measured.items()}

    def occasional_metrics(self, state: TrainState) -> dict[str, Tensor]:
        """Return the spread of the sheet's faces after the change, relative to that before."""
        before, after = self._sheet(state.nets["G"])
        return {"diversity": nearest_distance(after) / nearest_distance(before).clamp(min=1e-6)}

    def progress_text(self, means: dict[str, float]) -> str:
        accuracy = (means["accuracy_real"] + means["accuracy_fake"]) / 2
        losses = f"D {means['loss_D']:.2f} G {means['loss_G']:.2f}"
        return f"{losses}, D accuracy {accuracy:.0%}, change {means['moved']:.3f}"

    def sample_sheet(self, state: TrainState) -> Image.Image:
        """Return held-out faces with their changed faces."""
        both = torch.stack(self._sheet(state.ema), 1).flatten(0, 1)
        names = [d.direction.name for d, faces in zip(self.domains, self.sheet_faces, strict=True) for _ in faces]
        labels = [label for name in names for label in ("", name)] if len(self.domains) > 1 else None
        return make_grid(to_uint8(both), columns=8, labels=labels, scale=self.scale)

    def check_scores(self) -> None:
        check_packages()

    def prepare_scores(self) -> None:
        self.scorer = Scorer(self.dataset, self.domains, self.recipe.score_count, self.device)

    def score(self, state: TrainState) -> dict[str, float]:
        """Return the mean scores of held-out faces over all directions, and those of each if there are several.

        ``kid`` and ``moved`` as in `Scorer`; with a classifier ``target``, the share with the target's attributes.
        """
        scores = []
        for k, domain in enumerate(self.domains):
            before, after = self._changed(state.ema, domain.held_out_sources[: self.recipe.score_count], k)
            score = self.scorer.score(to_uint8(before), to_uint8(after), k)
            if "C" in state.pretrained:
                with torch.no_grad():
                    blocks = [state.pretrained["C"](block)[0].sigmoid() for block in after.split(BLOCK)]
                probabilities = torch.cat(blocks).cpu().numpy()
                score["target"] = target_share(domain.direction.target, self.classifier["attributes"], probabilities)
            scores.append(score)
        means = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
        if len(scores) > 1:
            for domain, score in zip(self.domains, scores, strict=True):
                means |= {f"{name}_{domain.direction.name}": value for name, value in score.items()}
        return means

    def score_key(self, score: dict[str, float]) -> tuple[float, ...]:
        return (score["kid"],)

    def _batch(self, recipe: MakeoverRecipe, images_seen: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return this process's part of the next batch: directions (N), their source faces and their target faces."""
        directions, *faces = draw_batch(self.domains, recipe, images_seen)
        sources, targets = (
            load_batch(self.read, indices, recipe, images_seen, self.device, self.batch_part) for indices in faces
        )
        for indices in draw_batch(self.domains, recipe, images_seen + recipe.batch_size)[1:]:
            self.read.prefetch(indices[self.batch_part])
        return torch.from_numpy(directions[self.batch_part]).to(self.device), sources, targets

    def _varied(self, images: Tensor, recipe: MakeoverRecipe, progress: Progress) -> Tensor:
        """Return the classifier's input: the same random variations of a step before and after the change."""
        if not (recipe.shift or recipe.colour):
            return images
        key = (recipe.seed, VIEW, progress.images_seen, progress.rollbacks, self.group.rank)
        return vary(images, recipe.shift, recipe.colour, seeded_rng(self.device, *key))

    def _sheet(self, net: nn.Module) -> tuple[Tensor, Tensor]:
        """Return the sheet's faces before and after the change: both N x 3 x H x W in [-1, 1]."""
        pairs = [self._changed(net, faces, k) for k, faces in enumerate(self.sheet_faces)]
        before, after = zip(*pairs, strict=True)
        return torch.cat(before), torch.cat(after)

    def _changed(self, net: nn.Module, indices: Integers, k: int) -> tuple[Tensor, Tensor]:
        """Return these faces before and after the change in direction ``k``: both N x 3 x H x W in [-1, 1]."""
        before, after = [], []
        with eval_mode(net):
            for x in self.read_blocks(indices):
                strengths = F.one_hot(torch.full((len(x),), k, device=self.device), len(self.domains)).float()
                before.append(x)
                after.append(net(x, strengths))
        return torch.cat(before), torch.cat(after).clamp(-1, 1)
