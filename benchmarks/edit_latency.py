"""Speed of editing: the redraw of a slider, the encoder, and directions from a whole dataset with their memory.

    python benchmarks/edit_latency.py MODEL [DATASET] [--json record.json]

* redraw: 64 latents edited and generated, --rounds times after a warm-up; with and without residual latents.
* encode: --count images.
* directions: `facesmith directions` on DATASET and on its first half. "own" is the peak memory without files, "with
  files" includes the cached pages of the dataset's file, which the system can take back.
"""

import sys
import tempfile
from pathlib import Path

import harness
import numpy as np

import facesmith
from facesmith.data.dataset import new_dataset

FACES = 64
FIT = "import sys, facesmith; facesmith.fit_directions(sys.argv[1], sys.argv[2], out=sys.argv[3], quiet=True)"


def redraw(model: facesmith.Model, z: np.ndarray, rounds: int) -> dict[str, float]:
    """Return the milliseconds of moving a slider and redrawing every face."""
    name = model.directions.names[0]

    def step(number: int) -> None:
        model.generate(model.directions.apply(z, {name: 2 * number / rounds}))

    return harness.percentiles([harness.timed(step, number)[1] for number in range(rounds + 1)][1:])


def copy_first(data: facesmith.Dataset, count: int, path: Path) -> Path:
    with new_dataset(path) as writer:
        with writer.images(*data.size, count):
            writer.append(data.images[:count])
        writer.finish(data.metadata().slice(0, count), data.card | {"name": f"the first {count} of {data.name}"})
    return path


def main() -> None:
    parser = harness.parser(__doc__, "--rounds", "--count", "--json", rounds=50, count=1000)
    parser.add_argument("model")
    parser.add_argument("dataset", nargs="?")
    args = parser.parse_args()
    model = facesmith.load(args.model, quiet=True)
    record = harness.new_record(model={"name": model.name, "digest": model.digest})
    z = model.latents(FACES, seed=1)
    for name, latents in {"encoded": model.encode(model.generate(z)), "generated": z}.items():
        record[f"redraw_{name}"] = times = redraw(model, latents, args.rounds)
        print(f"{FACES} {name} faces: {times['p50_ms']:.0f} ms, 95 % below {times['p95_ms']:.0f} ms", flush=True)
    images = np.resize(model.generate(z), (args.count, *model.size[::-1], 3))
    record["encode_seconds"] = harness.timed(model.encode, images)[1]
    print(f"{args.count:,} images encoded in {record['encode_seconds']:.1f} s", flush=True)
    if args.dataset:
        harness.require_linux()
        data = facesmith.open_dataset(args.dataset)
        with tempfile.TemporaryDirectory() as folder:
            half = copy_first(data, len(data) // 2, Path(folder) / "half")
            for name, path in {"half": half, "whole": data.path}.items():
                command = [sys.executable, "-c", FIT, args.model, str(path), str(Path(folder) / f"{name}.model")]
                record[f"directions_{name}"] = peak = harness.peak_memory(command)
                print(f"directions from {name}: {peak['seconds']:.0f} s, own memory {peak['own'] / 1e6:.0f} MB, "
                      f"with files {peak['resident'] / 1e6:.0f} MB", flush=True)  # fmt: skip
    harness.save_record(record, args.json)


if __name__ == "__main__":
    main()
