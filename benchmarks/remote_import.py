"""Images per second of an import over S3 on this machine and of an import with Ray, against the plain import.

    python benchmarks/remote_import.py SHARDS [--workers N] [--rounds N]

SHARDS is a zip of images or a folder of WebDataset archives, for example one that ``facesmith generate MODEL --count
100000 --layout webdataset`` wrote. The server is moto's, in a process of its own on the same cores. The sides are timed
in turns. Exits with an error if a dataset differs from that of the plain import.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import harness

import facesmith

BUCKET = "faces"


def upload(source: Path) -> str:
    """Copy the archives into a bucket and return its address."""
    import s3fs

    files = s3fs.S3FileSystem()
    files.mkdir(BUCKET)
    for path in [source] if source.is_file() else sorted(source.glob("*.tar")):
        files.put_file(str(path), f"{BUCKET}/{source.name}/{path.name}")
    return f"s3://{BUCKET}/{source.name}" + (f"/{source.name}" if source.is_file() else "")


def main() -> None:
    parser = harness.parser(__doc__, "--rounds")
    parser.add_argument("shards", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    harness.new_record()
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                   "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}  # fmt: skip
    import ray

    results: dict[str, tuple[str, int]] = {}  # fingerprint and number of images of each side

    def rate(name: str, source: str, function: Callable[..., facesmith.Dataset], **options: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            dataset, seconds = harness.timed(function, source, Path(folder) / "out", size="64", quiet=True, **options)
            results[name] = dataset.fingerprint, len(dataset)
            return len(dataset) / seconds

    server = (sys.executable, "-m", "moto.server", "-H", harness.HOST, "-p")
    with harness.start_server(lambda port: (*server, str(port)), ready=None) as moto:
        os.environ["AWS_ENDPOINT_URL"] = f"http://{harness.HOST}:{moto.port}"
        # The workers get the environment as it is now.
        ray.init(num_cpus=args.workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        address, local, workers = upload(args.shards), str(args.shards), args.workers
        harness.take_turns(
            {
                "plain import": lambda: rate("plain", local, facesmith.import_dataset, workers=workers),
                "S3": lambda: rate("S3", address, facesmith.import_dataset, workers=workers),
                "Ray": lambda: rate("Ray", local, facesmith.import_with_ray),
                "Ray and S3": lambda: rate("Ray and S3", address, facesmith.import_with_ray),
            },
            args.rounds,
            "images/s",
        )
    for name, (fingerprint, count) in results.items():
        print(f"{name}: {count:,} images, fingerprint {fingerprint}")
    if len(set(results.values())) > 1:
        sys.exit("the datasets differ")


if __name__ == "__main__":
    main()
