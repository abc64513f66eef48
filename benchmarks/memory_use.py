"""Peak memory of imports and trainings, for few and many photos, and over many steps.

    CELEBA_ROOT=/path/to/celeba python benchmarks/memory_use.py import [--counts 5000 18000]
    CELEBA_ROOT=/path/to/celeba python benchmarks/memory_use.py train [--counts 5000 18000] [--kimg 18]
    python benchmarks/memory_use.py steps --dataset celeba64 [--steps 2000] [--recipe tiny]

* import: each import runs in its own process. Its memory and that of its workers is added every 10 ms, from /proc.
  Shared pages count once per process in the resident sum, an upper bound, and once in the proportional sum.
* train: ``tiny`` on datasets read from disk and from memory; each run shows enough images to touch every one.
* steps: the peak so far at every tenth of a training.
"""

import tempfile
from pathlib import Path

import harness

import facesmith
from facesmith.runs.json_lines import read_lines

IMPORT = "import sys, facesmith; facesmith.import_dataset(*sys.argv[1:3], limit=int(sys.argv[3]), {}, quiet=True)"


def measure_imports(counts: list[int], folder: Path) -> None:
    code = IMPORT.format('size="64", crop="center:178"')
    for count in counts:
        command = [harness.FACESMITH[0], "-c", code, str(harness.celeba_root()), str(folder / f"{count}"), str(count)]
        peak = harness.peak_memory(command)
        print(f"{count:7,} photos: resident {peak['resident'] / 2**20:.0f} MiB, "
              f"proportional {peak['proportional'] / 2**20:.0f} MiB", flush=True)  # fmt: skip


def measure_trainings(counts: list[int], kimg: float, folder: Path) -> None:
    for count in counts:
        dataset = folder / f"faces-{count}"
        facesmith.import_dataset(str(harness.celeba_root()), dataset, crop="center:178", limit=count, quiet=True)
        size = (dataset / "images.npy").stat().st_size / 1e6
        for source in ("disk", "memory"):
            settings = [f"data={source}", "tick_kimg=1000"]
            command = harness.train_command(
                "tiny", dataset, folder / f"run-{count}-{source}", "--kimg", str(kimg), settings=settings
            )
            harness.peak_memory(command)
            peak = 1000 * read_lines(folder / f"run-{count}-{source}" / "timing.jsonl")[-1]["memory_gb"]
            print(f"{count:7,} photos ({size:.0f} MB) from {source:6}: peak {peak:.0f} MB", flush=True)


def measure_steps(dataset: str, recipe: str, steps: int, folder: Path) -> None:
    kimg = steps * facesmith.RECIPES[recipe].batch_size / 1000
    facesmith.train(recipe, dataset, folder / "run", kimg=kimg, settings=("score_kimg=0",), quiet=True)
    lines = read_lines(folder / "run" / "timing.jsonl")
    for tenth in range(1, 11):
        line = min(lines, key=lambda line: abs(line["step"] - tenth * steps / 10))
        print(f"step {line['step']:6,}: peak so far {1000 * line['memory_gb']:.0f} MB", flush=True)


def main() -> None:
    parser = harness.parser(__doc__)
    parser.add_argument("subject", choices=["import", "train", "steps"])
    parser.add_argument("--counts", type=int, nargs="+", default=[5000, 18000])
    parser.add_argument("--kimg", type=float, default=18)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--dataset")
    parser.add_argument("--recipe", default="tiny")
    args = parser.parse_args()
    harness.require_linux()
    harness.new_record()
    with tempfile.TemporaryDirectory() as folder:
        if args.subject == "import":
            measure_imports(args.counts, Path(folder))
        elif args.subject == "train":
            measure_trainings(args.counts, args.kimg, Path(folder))
        elif args.dataset is None:
            parser.error("steps requires --dataset")
        else:
            measure_steps(args.dataset, args.recipe, args.steps, Path(folder))


if __name__ == "__main__":
    main()
