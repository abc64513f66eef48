"""Kill commands at random moments, and check that each leaves nothing or a whole artefact and does not block the next.

    python benchmarks/kill_anywhere.py --kills 100 --seed 0

The commands are data import, generate, export, map and train. A command runs alone first, to learn how long it takes;
then it is killed with SIGKILL after a random part of that time, and run again. The output must then be whole: the
second run succeeds, or refuses an output that the first had completed. A run that had trained to its end is complete
without its report. Prints one line per kill, and exits with code 1 after a failure.
"""

import argparse
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import facesmith

IMAGES, SIZE, FACES, KIMG = 600, 32, 400, 0.3
SETTINGS = ("batch_size=16", "tick_kimg=0.05", "checkpoint_kimg=0.05")
COMMANDS = ("import", "generate", "export", "map", "train")
TEMPORARY = re.compile(r"^\..*(partial|complete)")


def command_line(name: str, inputs: Path, out: Path) -> list[str]:
    """Return the arguments that write ``out``."""
    dataset, run = str(inputs / "dataset"), str(inputs / "run")
    return {
        "import": ["data", "import", f"builtin:{IMAGES}", str(out), "--size", str(SIZE)],
        "generate": ["generate", "drawn64", "--count", str(FACES), "--out", str(out)],
        "export": ["export", run, str(out)],
        "map": ["map", "celeba64", str(inputs / "faces"), "--methods", "pca", "--out", str(out)],
        "train": [
            "train",
            "tiny",
            dataset,
            str(out),
            "--kimg",
            str(KIMG),
            *(f"--set={setting}" for setting in SETTINGS),
        ],
    }[name]


def check_whole(name: str, out: Path) -> None:
    """Raise an error unless ``out`` is what its command writes."""
    checks: dict[str, Callable[[], bool]] = {
        "import": lambda: len(facesmith.open_dataset(out).metadata()) == IMAGES,
        "generate": lambda: (
            len((out / "manifest.jsonl").read_text().splitlines()) == len([*out.glob("*.png")]) == FACES
        ),
        "export": lambda: len(facesmith.load(out, quiet=True).sample(2)) == 2,
        "map": lambda: json.loads((out / "map.json").read_text())["format"] == "facesmith-map",
        "train": lambda: bool(facesmith.export(out, out.with_name("exported"))),
    }
    if not checks[name]():
        raise AssertionError(f"{out} is not whole")


def execute(arguments: list[str], seconds: float | None = None) -> tuple[int, str]:
    """Run a command, kill it after ``seconds``, and return its exit code and what it printed."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([sys.executable, "-m", "facesmith", *arguments], stdout=log, stderr=log)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        log.seek(0)
        return process.returncode, log.read()


def kill_once(name: str, inputs: Path, out: Path, seconds: float, exists: bool) -> str:
    """Kill a command and run it again. Return "" or what is wrong."""
    if exists:
        out.mkdir()
    arguments = command_line(name, inputs, out)
    code, _ = execute(arguments, seconds)
    visible = [path for path in out.iterdir() if not path.name.startswith(".")] if out.is_dir() else []
    if name == "train" and visible:
        code, text = execute([*arguments, "--resume"])
    else:
        code, text = execute(arguments)
    if code and not (visible and ("already exists" in text or "has already trained" in text)):
        return text[-400:]
    try:
        check_whole(name, out)
    except Exception as error:  # every error is a finding
        return f"{type(error).__name__}: {error}"
    left = [path.name for folder in (out.parent, out) for path in folder.iterdir() if TEMPORARY.search(path.name)]
    return f"left behind: {left}" if left else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    options = parser.parse_args()
    rng, failures, names = random.Random(options.seed), 0, options.commands.split(",")
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder) / "inputs", Path(folder) / "outputs"
        outputs.mkdir()
        facesmith.import_dataset(f"builtin:{IMAGES}", inputs / "dataset", size=SIZE, quiet=True)
        facesmith.import_dataset("builtin:100", inputs / "faces", size=64, quiet=True)
        facesmith.train("tiny", inputs / "dataset", inputs / "run", kimg=0.05, quiet=True)
        durations = {}
        for name in names:
            start = time.monotonic()
            code, text = execute(command_line(name, inputs, outputs / name))
            if code:
                raise SystemExit(text)
            durations[name] = time.monotonic() - start
            shutil.rmtree(outputs / name)
        for number in range(options.kills):
            name = names[number % len(names)]
            seconds, exists = rng.uniform(0.2, 1.05) * durations[name], rng.random() < 0.5
            problem = kill_once(name, inputs, outputs / name, seconds, exists)
            failures += bool(problem)
            place = "an empty folder" if exists else "a new folder"
            print(f"{number + 1}: {name} into {place}, killed after {seconds:.2f} s: {problem or 'ok'}", flush=True)
            shutil.rmtree(outputs)
            outputs.mkdir()
    print(f"{options.kills - failures} of {options.kills} kills left nothing or a whole artefact")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
