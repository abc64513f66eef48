"""Train a peer on a CPU for some seconds and write its faces. Runs in the peers' own environment.

    python train_peer.py lightweight_gan PHOTOS OUT --seconds 300 --count 5000 --settings '{"batch_size": 16}'

Trains with the package's own Trainer. OUT gets ``now.npy``, the faces of the generator, and ``average.npy``, those of
its moving average (uint8, N x 64 x 64 x 3); the last line printed is JSON.

Both packages require CUDA. Their code is unchanged; three things are replaced: `torch.cuda.is_available` during import,
`.cuda()`, and the device "cuda:0".
"""

import argparse
import importlib
import json
import random
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch

SIZE, CHUNK = 64, 64


def import_peer(name: str) -> Any:
    """Return the module with the Trainer of ``name``, patched to run on a CPU."""
    # torchvision's compiled part needs a CUDA build of torch. The peers only use its Python part, which can be imported
    # once these two operators have a signature.
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    sys.modules["aim"] = ModuleType("aim")  # an experiment tracker, imported but not used
    is_available = torch.cuda.is_available
    torch.cuda.is_available = lambda: True
    peer: Any = importlib.import_module(f"{name}.{name}")
    torch.cuda.is_available = is_available
    peer.keep = library  # keeps the operators alive
    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    peer.torch = SimpleNamespace(**vars(torch) | {"device": lambda _: torch.device("cpu")})
    peer.autocast = lambda _: torch.autocast("cpu", torch.bfloat16)  # for amp=True of lightweight_gan
    return peer


def prepare(peer: Any, photos: str, folder: str, settings: dict[str, Any]) -> Any:
    """Return a Trainer with networks and photos that writes no sheets and no checkpoints."""
    # Worker processes would compete for the same cores, and decoding 64 photos takes only 20 ms.
    trainer = peer.Trainer(base_dir=folder, image_size=SIZE, num_workers=0, **settings)
    trainer.evaluate = trainer.save = lambda *_, **__: None
    trainer.set_data_src(photos)
    trainer.init_GAN()
    return trainer


def train(trainer: Any, seconds: float, broken: type[Exception]) -> dict[str, float]:
    """Train for ``seconds`` from the first step on; return steps, images and seconds."""
    images = trainer.batch_size * trainer.gradient_accumulate_every
    decay = trainer.GAN.ema_updater.beta
    steps, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        with suppress(broken):  # a NaN loss: their command line also tries again
            trainer.train()
        steps += 1
        # Their EMA starts after 20,000 steps. To have one at all, update it at every step, with a decay that starts
        # short.
        trainer.GAN.ema_updater.beta = min(decay, steps / (steps + 10))
        trainer.GAN.EMA()
    return {"steps": steps, "images": steps * images, "seconds": round(taken, 2)}


def faces(trainer: Any, count: int, average: bool) -> np.ndarray:
    """Return ``count`` faces without truncation, of the generator or of its EMA."""
    trainer.GAN.eval()
    trainer.av = None
    gan, made = trainer.GAN, []
    for first in range(0, count, CHUNK):
        number = min(CHUNK, count - first)
        if hasattr(gan, "S"):  # stylegan2_pytorch: a mapping network, and noise beside the latents
            styles, net = (gan.SE, gan.GE) if average else (gan.S, gan.G)
            z = [(torch.randn(number, net.latent_dim), net.num_layers)]
            made.append(trainer.generate_truncated(styles, net, z, torch.rand(number, SIZE, SIZE, 1), trunc_psi=1.0))
        else:
            made.append(trainer.generate_(gan.GE if average else gan.G, torch.randn(number, trainer.latent_dim)))
    pictures = torch.cat(made).permute(0, 2, 3, 1).float().nan_to_num().mul(255).round().clamp(0, 255)
    return np.asarray(pictures.to(torch.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["lightweight_gan", "stylegan2_pytorch"])
    parser.add_argument("photos")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--settings", type=json.loads, default={}, help="of the Trainer, as JSON")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # about CUDA
    torch.set_num_threads(args.threads)
    for seeded in (random.seed, np.random.seed, torch.manual_seed):
        seeded(args.seed)
    peer = import_peer(args.peer)
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepare(peer, args.photos, folder, args.settings)
        record: dict[str, Any] = {"peer": args.peer, "version": version(args.peer), "torch": torch.__version__}
        record |= train(trainer, args.seconds, peer.NanException)
    torch.manual_seed(args.seed + 1)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in ("now", "average"):
        np.save(args.out / f"{name}.npy", faces(trainer, args.count, name == "average"))
    nets = {net: sum(p.numel() for p in getattr(trainer.GAN, net).parameters()) for net in ("G", "D")}
    print(json.dumps(record | {"parameters": nets, "loss_D": trainer.d_loss, "loss_G": trainer.g_loss}))


if __name__ == "__main__":
    main()
