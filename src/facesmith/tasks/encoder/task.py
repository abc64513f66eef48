"""The encoder task: E predicts the latent from which a trained generator makes a face."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from facesmith.arrays import Integers
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_split
from facesmith.errors import FacesmithError
from facesmith.images.grid import make_grid
from facesmith.images.pixels import to_uint8
from facesmith.images.provenance import EDITED
from facesmith.models.folder import ModelFolder
from facesmith.networks import build as networks
from facesmith.tasks.encoder.recipes import EncoderRecipe
from facesmith.tasks.pretrained import build_classifier, classifier_card, refuse_other_size
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import CONDITIONS, LATENTS, SCORES, batch, draw_latents, seeded_rng
from facesmith.training.task import BLOCK, Task
from facesmith.training.train_state import TrainState, autocast, eval_mode, new_state, optimize

SHEET_COUNT = 32
LATENT_VARIANCE = {"normal": 1.0, "uniform": 1 / 3}


class EncoderTask(Task[EncoderRecipe]):
    """Train E to predict latents of images: see `EncoderRecipe`."""

    names: ClassVar = {"E": "encoder"}
    sheet_type = EDITED

    def __init__(
        self, recipe: EncoderRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]
    ) -> None:
        super().__init__(recipe, dataset, group, pretrained)
        if "model" not in pretrained:
            raise FacesmithError("an encoder requires a trained generator: pass its model with --model")
        self.model = group.on_rank_zero(lambda: ModelFolder(pretrained["model"], "generator").read_card())
        refuse_other_size("model", self.model["network"]["size"], dataset)
        if "classifier" in pretrained:
            self.classifier = classifier_card(pretrained["classifier"], dataset, group)
        self.held_out, self.training_rows = held_out_split(dataset)
        self.latent_size = int(self.model["network"]["latent_size"])
        self.drawn_size = self.latent_size - len(self.model.get("conditions", []))  # without attributes as an input
        self.detail_size = networks.detail_size(self.model["network"]) if recipe.detail else 0

    @property
    def networks(self) -> dict[str, Any]:
        """Return the network entry of the card: the generator's D with the recipe's changes."""
        card, recipe = networks.complete_card(self.model["network"]), self.recipe
        changes = {"discriminator_width": recipe.width} if recipe.width else {}
        if "discriminator_norm" in card and "gan" not in self.pretrained:
            changes["discriminator_norm"] = recipe.norm
        return {**card, **changes, "part": "detailed encoder" if self.detail_size else "encoder"}

    def new_state(self) -> TrainState:
        """Return E and the frozen networks. E starts with D's weights if the recipe names the run of the GAN."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            E = networks.from_card(self.networks)
        frozen = {"G": networks.from_card(self.model["network"])}
        if "gan" in self.pretrained:
            frozen["D"] = networks.from_card({**self.networks, "part": "discriminator"})
        if self.group.is_rank_zero:
            self._load(E, frozen)
        for net in (E, *frozen.values()):
            self.group.broadcast_tensors(net.state_dict().values())
        if "classifier" in self.pretrained:
            path = self.pretrained["classifier"]
            frozen["C"] = build_classifier(self.classifier, path, self.dataset, self.group)
        return new_state(self.recipe, {"E": E}, "E", self.device, self.group, frozen)

    def _load(self, E: nn.Module, frozen: dict[str, nn.Module]) -> None:
        frozen["G"].load_state_dict(ModelFolder(self.pretrained["model"], "generator").read_weights())
        if "D" in frozen:
            weights = checkpoint.load_net(self.pretrained["gan"], "D")
            head = {name: t[:1] for name, t in weights.items() if name.startswith("head.")}  # without the attributes
            try:
                frozen["D"].load_state_dict(weights | head)
            except RuntimeError:
                raise FacesmithError(
                    f"the discriminator in {self.pretrained['gan']} cannot initialise an encoder for "
                    f"{self.model['name']}: set gan to the run that the model was exported from, and width=0"
                ) from None
            body = E.body
            assert isinstance(body, nn.Module)
            body.load_state_dict({name: t for name, t in weights.items() if not name.startswith("head.")})

    def card_entries(self) -> dict[str, Any]:
        """Return the generator that E is fitted to, and the numbers of images."""
        return {
            "model": self.model["name"],
            "digest": self.model["digest"],
            "network": self.networks,
            "learned_from": len(self.training_rows),
            "held_out": len(self.held_out),
        }

    def step(self, state: TrainState, recipe: EncoderRecipe, progress: Progress) -> dict[str, Tensor]:
        """Train E to reconstruct photos, and to predict the latents of generated faces."""
        images_seen = progress.images_seen
        photos = batch(self.read, recipe, images_seen, self.training_rows, self.device, self.batch_part)
        z = self._latents(recipe.batch_size, LATENTS, progress.step, progress.rollbacks)[self.batch_part]
        E, G = state.nets["E"], state.pretrained["G"]
        measured = {}
        with autocast(state):
            with torch.no_grad():
                generated = G(z)
            # One pass for both, because batch norm uses the statistics of both after training.
            latents = E(torch.cat([photos, generated.float()])).float()
            (z_photos, z_generated), detail = latents[:, : self.latent_size].chunk(2), latents[:, self.latent_size :]
            if self.detail_size:
                detail_photos, detail_generated = detail.chunk(2)
                # Every second photo is reconstructed without its detail, so that z holds as much as it can.
                every_second = torch.arange(len(z), device=z.device)[:, None] % 2
                reconstructed = G(torch.cat([z_photos, detail_photos * every_second], 1)).float()
                # A generated face has no detail.
                measured["detail_prior"] = detail_photos.square().mean() + 10 * detail_generated.square().mean()
            else:
                reconstructed = G(z_photos).float()
            measured["pixel"] = (reconstructed - photos).abs().pow(recipe.pixel_power).mean()
            measured["latent"] = (z_generated - z).square().mean()
            variance = z_photos[:, : self.drawn_size].square().mean(1) / LATENT_VARIANCE[self.model["latent"]]
            measured["prior"] = (variance - 1).square().mean()
            extractor = state.pretrained.get("C") or state.pretrained.get("D")
            if extractor is not None and recipe.feature:
                measured["feature"] = _feature_distance(extractor, reconstructed, photos)
        loss = torch.stack([getattr(recipe, name) * value for name, value in measured.items()]).sum()
        norm = optimize(loss, state, recipe, images_seen)
        return {"loss_E": loss.detach(), **{name: value.detach() for name, value in measured.items()}, "grad_E": norm}

    def progress_text(self, means: dict[str, float]) -> str:
        return f"pixels {means['pixel']:.4f}, latents {means['latent']:.3f}"

    def sample_sheet(self, state: TrainState) -> Image.Image:
        """Return held-out photos with their reconstructions."""
        before = np.asarray(self.dataset.images[self.held_out[:SHEET_COUNT]])
        after = to_uint8(self._reconstruct(state, self.held_out[:SHEET_COUNT])[1])
        pairs = np.stack([before, after], 1).reshape(-1, *before.shape[1:])
        return make_grid(pairs, columns=8, scale=self.scale)

    def score(self, state: TrainState) -> dict[str, float]:
        """Return the mean square error (of [-1, 1]) and PSNR of held-out photos, and the error of known latents."""
        count = self.recipe.score_count
        photos, reconstructed = self._reconstruct(state, self.held_out[:count])
        errors = (reconstructed.clamp(-1, 1) - photos).square().mean((1, 2, 3)).clamp(min=1e-12)
        z = self._latents(count, SCORES)
        with eval_mode(state.ema) as E:
            predicted = torch.cat([E(state.pretrained["G"](block)) for block in z.split(BLOCK)])
        return {
            "pixel": float(errors.mean()),
            "psnr": float((10 * torch.log10(4 / errors)).mean()),  # the range of [-1, 1] is 2 wide
            "latent": float((predicted[:, : self.latent_size] - z).square().mean()),
            "count": len(photos),
        }

    def score_key(self, score: dict[str, float]) -> tuple[float, ...]:
        return (score["pixel"],)

    def _reconstruct(self, state: TrainState, indices: Integers) -> tuple[Tensor, Tensor]:
        """Return these photos and their reconstructions by the EMA of E: both N x 3 x H x W in [-1, 1]."""
        photos, reconstructed = [], []
        with eval_mode(state.ema) as E:
            for block in self.read_blocks(indices):
                photos.append(block)
                reconstructed.append(state.pretrained["G"](E(block)))
        return torch.cat(photos), torch.cat(reconstructed)

    def _latents(self, count: int, *key: int) -> Tensor:
        """Return random latents; attributes that are an input are -1, 0 or 1."""
        z = draw_latents(self.model["latent"], (count, self.drawn_size), self.device, self.recipe.seed, *key)
        if self.drawn_size == self.latent_size:
            return z
        rng = seeded_rng(self.device, self.recipe.seed, CONDITIONS, *key)
        shape = (count, self.latent_size - self.drawn_size)
        return torch.cat([z, torch.randint(-1, 2, shape, generator=rng, device=self.device).float()], 1)


def _feature_distance(extractor: Any, images: Tensor, photos: Tensor) -> Tensor:
    """Return the squared distance of the features of two batches, relative to the features of the photos."""
    with torch.no_grad():
        target: Tensor = extractor.features(photos).float()
    features: Tensor = extractor.features(images).float()
    return (features - target).square().mean() / target.square().mean().clamp(min=1e-6)
