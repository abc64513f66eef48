"""The task of a makeover: G changes one kind of face into another, D says whether it has become one."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from facesmith.data.dataset import Dataset
from facesmith.files import read_json
from facesmith.images.face_region import aligned_face_region
from facesmith.images.grid import make_grid
from facesmith.images.pixels import to_float, to_uint8
from facesmith.models import classifier as judges
from facesmith.networks import classifier as judge_network
from facesmith.networks import makeover_registry as makeovers
from facesmith.tasks.makeover.batches import draw, noise
from facesmith.tasks.makeover.domains import parse, sides
from facesmith.tasks.makeover.losses import change, judged, outside, wishes
from facesmith.tasks.makeover.scores import Scorer, called
from facesmith.tasks.recipes import MakeoverRecipe
from facesmith.training.augment import augment, vary
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.diversity import nearest_distance
from facesmith.training.gan_losses import accuracies, discriminator_loss, generator_loss, gradient_penalty
from facesmith.training.pretrained import refuse_other_size
from facesmith.training.sampling import AUGMENT, VIEW, Reader, generator, pictures
from facesmith.training.schedules import way_gone
from facesmith.training.task import Task
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

SHEET_COUNT, EACH = 32, 16  # faces on a sheet, and of one direction
BLOCK = 64  # pictures made over at a time
JUDGED = ("identity", "attributes", "target")  # the parts of G's loss that take a judge
WEIGHTED = ("mask", "outside", *JUDGED)  # settings that say what the measurements of these names count for


class MakeoverTask(Task[MakeoverRecipe]):
    """Faces of another kind from faces: `MakeoverRecipe`."""

    names: ClassVar = {"G": "generator", "D": "discriminator"}

    def __init__(
        self, recipe: MakeoverRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]
    ) -> None:
        super().__init__(recipe, dataset, group, pretrained)
        self.sides = [sides(dataset, direction) for direction in parse(recipe.directions)]
        self.network = makeovers.describe(recipe.kind, dataset.size, len(self.sides), recipe)
        if "classifier" in pretrained:
            self.judge = group.on_rank_zero(lambda: read_json(pretrained["classifier"] / judges.CARD, "a judge's card"))
            refuse_other_size("attribute classifier", self.judge["network"]["size"], dataset)
            self.wishes = wishes(self.judge["attributes"], dataset, self.sides)
            nobody = np.zeros((1, len(self.judge["attributes"])), np.float32)
            for one in self.sides:  # a judge that cannot say who is a target is better refused now than at a score
                called(one.direction.target, self.judge["attributes"], nobody)
        region = aligned_face_region(dataset.card)
        self.beyond = None if region is None else torch.from_numpy(~region).float().to(self.device)
        each = min(EACH, max(1, SHEET_COUNT // len(self.sides)))
        self.sheet_faces = [one.held_sources[:each] for one in self.sides]
        self.scorer: Any = None

    @property
    def networks(self) -> Any:
        return self.recipe.kind, self.network

    def fresh(self) -> TrainState:
        G, D = makeovers.build(self.recipe.kind, self.network, self.recipe.seed)
        given: dict[str, nn.Module] = {}
        if "classifier" in self.pretrained:
            given["J"] = judge_network.from_card(self.judge["network"])
            if self.group.is_rank_zero:
                given["J"].load_state_dict(load_file(self.pretrained["classifier"] / judges.WEIGHTS))
            self.group.broadcast_tensors(given["J"].state_dict().values())
        return new_state(self.recipe, {"G": G, "D": D}, "G", self.device, self.group, given)

    def facts(self) -> dict[str, Any]:
        """The network, and the directions with how many faces each side has."""
        return {
            "network": makeovers.as_card(self.recipe.kind, self.network),
            "directions": [asdict(one.direction) for one in self.sides],
            "counts": [one.counts() for one in self.sides],
        }

    def prepare(self, read: Reader, say: Callable[[str], Any]) -> None:
        self.read = read
        for one in self.sides:
            say(str(one))
        resting = [name for name in JUDGED if getattr(self.recipe, name)]
        if "classifier" in self.pretrained:
            self.wishes = type(self.wishes)(*(each.to(self.device) for each in self.wishes))
        elif resting:
            say(f"no judge is given (--set classifier=FOLDER): {', '.join(resting)} rest")

    def step(self, state: TrainState, now: MakeoverRecipe, progress: Progress) -> dict[str, Tensor]:
        """D learns to tell made from target faces, and G from the same pass what D, and a judge, say of the made."""
        share, shown = self.group.local_batch(now.batch_size), progress.images_seen
        which, sources, targets = draw(self.sides, now, shown)
        x, real = (pictures(self.read, side, now, shown, self.device, share) for side in (sources, targets))
        k = torch.from_numpy(which[share]).to(self.device)
        strengths = F.one_hot(k, len(self.sides)).float()
        added = noise(now, progress, self.dataset.size, self.device)[share]
        rng = generator(self.device, now.seed, AUGMENT, shown, progress.rollbacks, self.group.rank)
        G, D = state.nets["G"], state.nets["D"]
        parts: Any = G.parts
        penalised = now.penalty > 0 and progress.step % now.penalty_every == 0
        set_hyperparameters(state, now.learning_rate, (now.beta1, now.beta2))

        def look(faces: Tensor) -> Tensor:
            """D's logit (N) of whether each is one of its own direction's target faces."""
            seen = faces + added
            logits: Tensor = D(augment(seen, now.augment, rng) if now.augment else seen)
            return logits.gather(1, k[:, None]).squeeze(1).float()

        def view(faces: Tensor) -> Tensor:
            """``faces`` as the judge gets to see them: what is there only from where it stands would not be in them."""
            rng = generator(self.device, now.seed, VIEW, shown, progress.rollbacks, self.group.rank)
            return vary(faces, now.shift, now.colour, rng) if now.shift or now.colour else faces

        with autocast(state):
            made, mask = parts(x, strengths)
            real.requires_grad_(penalised)
            logits_real, logits_made = look(real), look(made)
            minded = {"moved": change(made, x)}
            if mask is not None:
                minded["mask"] = mask.mean()
            if self.beyond is not None:
                minded["outside"] = outside(made, x, self.beyond)
            if "J" in state.pretrained and any(getattr(now, name) for name in JUDGED):
                minded |= judged(state.pretrained["J"], view(made), view(x), k, self.wishes)
            loss_D = discriminator_loss(logits_real, logits_made, now)
            loss_G = (1 - now.pixel) * generator_loss(logits_real, logits_made, now) + now.pixel * minded["moved"]
            for name in WEIGHTED:
                if name in minded:
                    loss_G = loss_G + getattr(now, name) * minded[name]
            measured = {"loss_D": loss_D, "loss_G": loss_G, **minded}
            if penalised:
                measured["r1"] = gradient_penalty(logits_real, real)
                measured["r2"] = gradient_penalty(logits_made, made)
                loss_D = loss_D + now.penalty / 2 * now.penalty_every * (measured["r1"] + measured["r2"])
        measured["grad_G"] = backward(loss_G, G, state.group, retain_graph=True)
        measured["grad_D"] = backward(loss_D, D, state.group)
        for optimizer in state.optimizers.values():
            optimizer.step()
        update_ema(state, ema_weight(now, shown))
        measured["logit_real"], measured["logit_fake"] = logits_real.mean(), logits_made.mean()
        measured["accuracy_real"], measured["accuracy_fake"] = accuracies(logits_real, logits_made, now)
        moving = {"annealing": 1 - way_gone(now, shown), "pixel_share": now.pixel, "noise": now.noise,
                  "learning_rate": now.learning_rate}  # fmt: skip
        measured |= {name: torch.full((), value, device=self.device) for name, value in moving.items()}
        return {name: value.detach() for name, value in measured.items()}

    def look(self, state: TrainState) -> dict[str, Tensor]:
        """How far apart the sheet's faces lie when G has changed them, in units of how far they did before."""
        before, after = self._sheet(state.nets["G"])
        return {"diversity": nearest_distance(after) / nearest_distance(before).clamp(min=1e-6)}

    def on_the_bar(self, means: dict[str, float]) -> str:
        right = (means["accuracy_real"] + means["accuracy_fake"]) / 2
        return f"D {means['loss_D']:.2f} G {means['loss_G']:.2f}, D right on {right:.0%}, moved {means['moved']:.3f}"

    def sheet(self, state: TrainState) -> Image.Image:
        """Held-out faces, each beside what has become of it."""
        both = torch.stack(self._sheet(state.ema), 1).flatten(0, 1)
        names = [one.direction.name for one, faces in zip(self.sides, self.sheet_faces, strict=True) for _ in faces]
        labels = [label for name in names for label in ("", name)] if len(self.sides) > 1 else None
        return make_grid(to_uint8(both), columns=8, labels=labels, scale=self.scale)

    def prepare_scores(self) -> None:
        self.scorer = Scorer(self.dataset, self.sides, self.recipe.score_count, self.device)

    def score(self, state: TrainState) -> dict[str, float]:
        """Of held-out faces made over by the averaged G, the mean over directions, and each where there are several.

        ``kid`` and ``moved`` as `Scorer` has them; with a judge ``target``, the share that it calls one.
        """
        found = []
        for k, one in enumerate(self.sides):
            before, after = self._made(state.ema, one.held_sources[: self.recipe.score_count], k)
            each = self.scorer.score(to_uint8(before), to_uint8(after), k)
            if "J" in state.pretrained:
                with torch.no_grad():
                    said = torch.cat([state.pretrained["J"](part)[0].sigmoid() for part in after.split(BLOCK)])
                each["target"] = called(one.direction.target, self.judge["attributes"], said.cpu().numpy())
            found.append(each)
        score = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
        if len(found) > 1:
            for one, each in zip(self.sides, found, strict=True):
                score |= {f"{name}_{one.direction.name}": value for name, value in each.items()}
        return score

    def rank(self, score: dict[str, float]) -> tuple[float, ...]:
        return (score["kid"],)

    def _sheet(self, net: nn.Module) -> tuple[Tensor, Tensor]:
        """The sheet's faces before and after: both N x 3 x H x W in [-1, 1]."""
        made = [self._made(net, faces, k) for k, faces in enumerate(self.sheet_faces)]
        before, after = zip(*made, strict=True)
        return torch.cat(before), torch.cat(after)

    def _made(self, net: nn.Module, chosen: NDArray[np.int64], k: int) -> tuple[Tensor, Tensor]:
        """These faces, and what ``net`` makes of them in direction ``k``: both N x 3 x H x W in [-1, 1]."""
        before, after = [], []
        with eval_mode(net):
            for start in range(0, len(chosen), BLOCK):
                x = to_float(self.read(chosen[start : start + BLOCK]))
                strengths = F.one_hot(torch.full((len(x),), k, device=self.device), len(self.sides)).float()
                before.append(x)
                after.append(net(x, strengths))
        return torch.cat(before), torch.cat(after).clamp(-1, 1)
