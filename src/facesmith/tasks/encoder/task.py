"""The task of the encoder: from a face to the latent that a trained generator makes it of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from facesmith.data.dataset import Dataset
from facesmith.data.holdout import parted
from facesmith.errors import FacesmithError
from facesmith.files import read_json
from facesmith.images.grid import make_grid
from facesmith.images.pixels import to_float, to_uint8
from facesmith.models import classifier as judges
from facesmith.models import model as models
from facesmith.networks import classifier as judge_network
from facesmith.networks import registry as families
from facesmith.tasks.recipes import EncoderRecipe
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.pretrained import refuse_other_size
from facesmith.training.sampling import LATENTS, SCORES, Reader, batch, draw_latents
from facesmith.training.task import Task
from facesmith.training.train_state import TrainState, autocast, eval_mode, new_state, optimize

SHEET_COUNT = 32
BLOCK = 64  # pictures encoded at a time
VARIANCE = {"normal": 1.0, "uniform": 1 / 3}  # of one number of a latent


class EncoderTask(Task[EncoderRecipe]):
    """Latents from faces: `EncoderRecipe`."""

    names: ClassVar = {"E": "encoder"}

    def __init__(
        self, recipe: EncoderRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]
    ) -> None:
        super().__init__(recipe, dataset, group, pretrained)
        if "model" not in pretrained:
            raise FacesmithError("an encoder is fitted to a generator: name its model folder with --model")
        self.model = group.on_rank_zero(lambda: read_json(pretrained["model"] / models.CARD, "a model's card"))
        refuse_other_size("model", self.model["network"]["size"], dataset)
        if "classifier" in pretrained:
            self.judge = group.on_rank_zero(lambda: read_json(pretrained["classifier"] / judges.CARD, "a judge's card"))
            refuse_other_size("attribute classifier", self.judge["network"]["size"], dataset)
        self.held, self.learned = parted(dataset)
        self.latent_size = int(self.model["network"]["latent_size"])
        self.detail_size = families.detail_size(self.model["network"]) if recipe.detail else 0

    @property
    def networks(self) -> dict[str, Any]:
        """E as a model's card describes it: the shape of the generator's D, but for what the recipe changes."""
        card, recipe = self.model["network"], self.recipe
        changes = {"discriminator_width": recipe.width} if recipe.width else {}
        if "discriminator_norm" in card and "gan" not in self.pretrained:
            changes["discriminator_norm"] = recipe.norm
        return {**card, **changes, "part": "detailed encoder" if self.detail_size else "encoder"}

    def fresh(self) -> TrainState:
        """An E with D's weights where the run of the GAN is given, and the networks that learn no more."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            E = families.from_card(self.networks)
        given = {"G": families.from_card(self.model["network"])}
        if "gan" in self.pretrained:
            given["D"] = families.from_card({**self.networks, "part": "discriminator"})
        if "classifier" in self.pretrained:
            given["J"] = judge_network.from_card(self.judge["network"])
        if self.group.is_rank_zero:
            self._load(E, given)
        for net in (E, *given.values()):
            self.group.broadcast_tensors(net.state_dict().values())
        return new_state(self.recipe, {"E": E}, "E", self.device, self.group, given)

    def _load(self, E: nn.Module, given: dict[str, nn.Module]) -> None:
        given["G"].load_state_dict(load_file(self.pretrained["model"] / models.WEIGHTS))
        if "J" in given:
            given["J"].load_state_dict(load_file(self.pretrained["classifier"] / judges.WEIGHTS))
        if "D" in given:
            weights = checkpoint.state_of(self.pretrained["gan"], "D")
            try:
                given["D"].load_state_dict(weights)
            except RuntimeError:
                raise FacesmithError(
                    f"the D in {self.pretrained['gan']} is not that of {self.model['name']}, or not as wide as the "
                    "recipe's encoder: give the run that the model was exported from, and leave width=0"
                ) from None
            body = E.body
            assert isinstance(body, nn.Module)
            body.load_state_dict({name: t for name, t in weights.items() if not name.startswith("judge.")})

    def facts(self) -> dict[str, Any]:
        """Which generator E is fitted to, and how many pictures are for what."""
        return {
            "model": self.model["name"],
            "digest": self.model["digest"],
            "network": self.networks,
            "learned_from": len(self.learned),
            "held_out": len(self.held),
        }

    def prepare(self, read: Reader, say: Callable[[str], Any]) -> None:
        self.read = read

    def step(self, state: TrainState, now: EncoderRecipe, progress: Progress) -> dict[str, Tensor]:
        """From photos to their reconstructions, and from generated faces to the latents they were made of."""
        share, shown = self.group.local_batch(now.batch_size), progress.images_seen
        photos = batch(self.read, now, shown, self.learned, self.device, share)
        z = self._latents(now.batch_size, LATENTS, progress.step, progress.rollbacks)[share]
        E, G = state.nets["E"], state.pretrained["G"]
        measured = {}
        with autocast(state):
            with torch.no_grad():
                generated = G(z)
            # In one pass, so that batch norm sees both kinds as it will when E is used.
            seen = E(torch.cat([photos, generated.float()])).float()
            (found, recovered), detail = seen[:, : self.latent_size].chunk(2), seen[: len(z), self.latent_size :]
            if self.detail_size:
                # Half of the faces are made without their detail, so that z tells all that it can tell.
                half = torch.arange(len(z), device=z.device)[:, None] % 2
                made = G(torch.cat([found, detail * half], 1)).float()
                own = seen[len(z) :, self.latent_size :]  # a generated face is all z
                measured["detail_prior"] = detail.square().mean() + 10 * own.square().mean()
            else:
                made = G(found).float()
            measured["pixel"] = (made - photos).abs().pow(now.pixel_power).mean()
            measured["latent"] = (recovered - z).square().mean()
            measured["prior"] = (found.square().mean(1) / VARIANCE[self.model["latent"]] - 1).square().mean()
            look = state.pretrained.get("J") or state.pretrained.get("D")
            if look is not None and now.feature:
                measured["feature"] = _apart(look, made, photos)
        loss = torch.stack([getattr(now, name) * value for name, value in measured.items()]).sum()
        norm = optimize(loss, state, now, shown)
        return {"loss_E": loss.detach(), **{name: value.detach() for name, value in measured.items()}, "grad_E": norm}

    def on_the_bar(self, means: dict[str, float]) -> str:
        return f"pixels {means['pixel']:.4f}, latents {means['latent']:.3f}"

    def sheet(self, state: TrainState) -> Image.Image:
        """Held-out photos, each beside its reconstruction."""
        before = np.asarray(self.dataset.images[self.held[:SHEET_COUNT]])
        after = to_uint8(self._reconstructed(state, self.held[:SHEET_COUNT])[1])
        pairs = np.stack([before, after], 1).reshape(-1, *before.shape[1:])
        return make_grid(pairs, columns=8, scale=self.scale)

    def score(self, state: TrainState) -> dict[str, float]:
        """Reconstruction of held-out photos, in mean square (of [-1, 1]) and dB, and the latents of generated faces."""
        count = self.recipe.score_count
        photos, made = self._reconstructed(state, self.held[:count])
        errors = (made.clamp(-1, 1) - photos).square().mean((1, 2, 3)).clamp(min=1e-12)
        z = self._latents(count, SCORES)
        with eval_mode(state.ema) as E:
            found = torch.cat([E(state.pretrained["G"](part)) for part in z.split(BLOCK)])
        return {
            "pixel": float(errors.mean()),
            "psnr": float((10 * torch.log10(4 / errors)).mean()),  # the range of [-1, 1] is 2 wide
            "latent": float((found[:, : self.latent_size] - z).square().mean()),
            "count": len(photos),
        }

    def rank(self, score: dict[str, float]) -> tuple[float, ...]:
        return (score["pixel"],)

    def _reconstructed(self, state: TrainState, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """These photos, and what the averaged E and then G make of them: both N x 3 x H x W in [-1, 1]."""
        parts = []
        with eval_mode(state.ema) as E:
            for start in range(0, len(chosen), BLOCK):
                x = to_float(self.read(chosen[start : start + BLOCK]))
                parts.append((x, state.pretrained["G"](E(x))))
        photos, made = zip(*parts, strict=True)
        return torch.cat(photos), torch.cat(made)

    def _latents(self, count: int, *key: int) -> Tensor:
        return draw_latents(self.model["latent"], (count, self.latent_size), self.device, self.recipe.seed, *key)


def _apart(net: Any, made: Tensor, photos: Tensor) -> Tensor:
    """The squared distance of what ``net`` sees in two batches, as a share of what it sees in the photos."""
    with torch.no_grad():
        wanted: Tensor = net.features(photos).float()
    found: Tensor = net.features(made).float()
    return (found - wanted).square().mean() / wanted.square().mean().clamp(min=1e-6)
