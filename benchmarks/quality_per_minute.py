"""Quality after the same minutes of training: facesmith's recipes against two GAN packages from PyPI.

    python benchmarks/quality_per_minute.py DATASET --out FOLDER --venv FOLDER [--minutes 5] [--score-script SCRIPT]

All train on the same photos of a 64x64 dataset, from random weights, for the same minutes on all cores, one after
another. Minutes count from the first step. Then each generates --count faces without truncation, compared with
photos outside the training split, or with --count random photos that are held out (or those of --real).

The peers are lightweight-gan and stylegan2-pytorch with the settings below, in their own environment at --venv, which
is created if missing. They expect CUDA; peers/train_peer.py describes how they run without. Their EMA is updated from
the first step and scored beside G. They write no sheets and no checkpoints; facesmith does.

FOLDER gets record.json, sheet.png (8x4 faces of each) and the faces as .npy. --score-script is called with REAL.npy
FAKE.npy --count N and prints "FID... NUMBER KID... x1000 NUMBER"; the default is facesmith's own metrics.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import harness
import numpy as np
import torch
from PIL import Image

import facesmith
from facesmith import doctor
from facesmith.files import refuse_existing, write_json
from facesmith.images.grid import make_grid, save_image
from facesmith.machine import usable_cores
from facesmith.metrics.features import DEFAULT, network
from facesmith.metrics.fid import frechet_distance, gaussian
from facesmith.metrics.kid import kid

SIZE = 64
RECIPES = ("tiny", "small", "celebrity")
# Their command lines' defaults, but for what a CPU can do in minutes: narrower networks, one batch a step where theirs
# adds up several; in lightweight-gan no attention beyond what D always has, and its own bfloat16 (amp). Chosen by
# the speed of a step, not by what they draw.
PEERS: dict[str, dict[str, Any]] = {
    "lightweight_gan": {"batch_size": 8, "fmap_max": 64, "disc_output_size": 1, "amp": True, "use_aim": False},
    "stylegan2_pytorch": {"batch_size": 16, "network_capacity": 4, "ttur_mult": 1.5},
}
SHOWN_SETTINGS = ("batch_size", "fmap_max", "network_capacity")
# Their requirements name CUDA builds and an experiment tracker: what they import at our settings is this.
TORCH = "torch==2.13.0"
WITHOUT_DEPENDENCIES = [
    "lightweight-gan==1.2.1",
    "stylegan2-pytorch==1.9.0",
    "torchvision==0.28.0",
    "vector-quantize-pytorch==0.1.0",
]
DEPENDENCIES = ["adabelief-pytorch", "einops", "fire", "kornia", "numpy", "pillow", "tqdm"]
# The allocator's settings that our own training makes: a tenth of the time of whoever frees much at each step.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str((1 << 31) - 1)}


def environment(folder: Path) -> Path:
    """The python of the peers' environment, created if missing."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for words in ([TORCH], ["--no-deps", *WITHOUT_DEPENDENCIES], [TORCH, *DEPENDENCIES]):
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *words], check=True)
        (folder / "complete").touch()
    return python


def held_out_rows(dataset: facesmith.Dataset, count: int, seed: int) -> np.ndarray:
    """Return which images (N, bool) are held out: those outside the training split, else ``count`` random ones."""
    outside = np.array([split not in ("train", None) for split in dataset.metadata()["split"].to_pylist()])
    if not outside.any():
        outside[np.random.default_rng(seed).permutation(len(dataset))[:count]] = True
    return outside


def train_recipe(name: str, dataset: Path, out: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Train a recipe by its command, and generate its faces."""
    command = [sys.executable, "-m", "facesmith", "train", name, str(dataset), str(out / "run"), "--quiet"]
    command += ["--minutes", str(args.minutes), "--set", f"seed={args.seed}", "--set", f"threads={args.threads}"]
    command += ["--set", "device=cpu"]  # as the peers
    subprocess.run(command, check=True, capture_output=True, text=True)
    model = facesmith.export(out / "run", out / "model")
    np.save(out / "average.npy", model.sample(args.count, seed=args.seed + 1))
    card = json.loads((out / "run" / "run.json").read_text())
    batch = facesmith.RECIPES[name].batch_size
    return {
        "settings": {"batch_size": batch},
        "images": round(card["kimg"] * 1000),
        "seconds": card["seconds"],
        "parameters": card["parameters"],
    }


def train_peer(name: str, python: Path, photos: Path, out: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Train a peer, which generates its faces, in its own environment."""
    settings = PEERS[name]
    script = Path(__file__).with_name("peers") / "train_peer.py"
    command = [str(python), str(script), name, str(photos), str(out), "--seconds", str(args.minutes * 60)]
    command += ["--count", str(args.count), "--threads", str(args.threads), "--seed", str(args.seed)]
    command += ["--settings", json.dumps(settings)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | KEEP_MEMORY)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"settings": settings} | result


@cache
def features(pictures: Path) -> np.ndarray:
    """Return the features of the images of an .npy file."""
    return network()(np.load(pictures, mmap_mode="r"))


def scores(real: Path, fake: Path, score_script: Path | None, count: int) -> dict[str, float]:
    """Return FID and KID x1000 of images against real ones; lower is better."""
    if score_script is None:
        real_features, generated = features(real), features(fake)
        return {
            "fid": round(frechet_distance(gaussian(real_features), gaussian(generated)), 4),
            "kid_x1000": round(1000 * kid(real_features, generated)[0], 4),
        }
    command = [sys.executable, str(score_script), str(real), str(fake), "--count", str(count)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    numbers = re.search(r"FID\S* (-?[\d.]+)\s+KID\S* x1000 (-?[\d.]+)", output)
    if numbers is None:
        sys.exit(f"{score_script} printed no FID and KID x1000: {output}")
    return {"fid": float(numbers[1]), "kid_x1000": float(numbers[2])}


def measure_contender(
    name: str, dataset: Path, photos: Path, real: Path, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """Train and score a contender; return a row for each generator, or one with the reason of a failure."""
    out = args.out / name
    out.mkdir(parents=True)
    try:
        if name in PEERS:
            row = train_peer(name, environment(args.venv), photos, out, args)
        else:
            row = train_recipe(name, dataset, out, args)
    except subprocess.CalledProcessError as error:
        output = (error.stderr or "").strip().splitlines()
        return [{"name": name, "failed": output[-1] if output else f"ended with {error.returncode}"}]
    row |= {"images_per_second": round(row["images"] / row["seconds"], 2)}
    return [
        {"name": name, "generator": fake.stem, "faces": str(fake.relative_to(args.out))}
        | row
        | scores(real, fake, args.score_script, args.count)
        for fake in sorted(out.glob("*.npy"))
    ]


def line(row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"| {row['name']} | {row['failed']} | | | | | |"
    settings = ", ".join(f"{key} {row['settings'][key]}" for key in SHOWN_SETTINGS if key in row["settings"])
    return (
        f"| {row['name']}, {row['generator']} | {settings} | {row['images']:,} | {row['images_per_second']:.1f} | "
        f"{row['kid_x1000']:.2f} | {row['fid']:.3f} | {row['seconds']:.0f} |"
    )


def main() -> None:
    parser = harness.parser(__doc__, "--out", "--count", "--seed", count=5000)
    parser.add_argument("dataset", help="of 64x64 pictures")
    parser.add_argument("--venv", type=Path, required=True, help="environment of the peers, created if missing")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--real", type=Path, help="an .npy of photos to score against instead")
    parser.add_argument("--score-script", type=Path, help="a script, as above")
    parser.add_argument("--only", nargs="+", choices=[*RECIPES, *PEERS], default=[*RECIPES, *PEERS])
    parser.add_argument("--threads", type=int, default=usable_cores())
    args = parser.parse_args()
    data = facesmith.open_dataset(args.dataset)
    if data.size != (SIZE, SIZE):
        sys.exit(f"{args.dataset} has images of another size: import it again with --size {SIZE}")
    refuse_existing(args.out, "results")
    if any(name in PEERS for name in args.only):
        environment(args.venv)
    outside = np.zeros(len(data), bool) if args.real else held_out_rows(data, args.count, args.seed)

    with tempfile.TemporaryDirectory() as folder:
        photos, dataset, real = Path(folder) / "photos", Path(folder) / "dataset", Path(folder) / "real.npy"
        photos.mkdir()
        against = np.load(args.real, mmap_mode="r") if args.real else data.images[outside]
        np.save(real, against[np.random.default_rng(args.seed).permutation(len(against))[: args.count]])
        for index in np.flatnonzero(~outside):
            Image.fromarray(data.images[index]).save(photos / f"{index:06}.png")
        facesmith.import_dataset(photos, dataset, size=SIZE, crop="none", quiet=True)
        record: dict[str, Any] = {
            "machine": doctor.machine(torch.device("cpu")) | {"threads": args.threads},
            "dataset": {key: data.card[key] for key in ("name", "crop", "fingerprint")},
            "photos": {
                "trained_on": int((~outside).sum()),
                "held_out_rows": int(outside.sum()),
                "scored_against": min(args.count, len(against)),
            },
            "protocol": {
                "minutes": args.minutes,
                "count": args.count,
                "seed": args.seed,
                "score_script": args.score_script.name if args.score_script else DEFAULT,
            },
            "peers": [TORCH, *WITHOUT_DEPENDENCIES],
            "results": [],
        }
        print(json.dumps(record["machine"]))
        print("| name | settings | images seen | images/s | KID x1000 | FID | seconds |\n|---|---|---|---|---|---|---|")
        for name in args.only:
            for row in measure_contender(name, dataset, photos, real, args):
                record["results"].append(row)
                print(line(row), flush=True)
                write_json(args.out / "record.json", record)

    drawn = [row for row in record["results"] if "failed" not in row]
    if not drawn:
        sys.exit("every training failed: see record.json")
    sheets = [np.asarray(make_grid(np.load(args.out / row["faces"])[:32], columns=8)) for row in drawn]
    labels = [
        f"{row['name']}, {row['generator']}\nKID x1000 {row['kid_x1000']:.2f}, FID {row['fid']:.3f}" for row in drawn
    ]
    save_image(make_grid(np.stack(sheets), columns=3, labels=labels, gap=8), args.out / "sheet.png")


if __name__ == "__main__":
    main()
