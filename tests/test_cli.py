"""The commands as a user types them, run in this process through their own entry point."""

import contextlib
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.shell_completion import ShellComplete
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facesmith import Model
from facesmith.cli import COMMANDS, facesmith, main
from facesmith.data.dataset import Dataset
from facesmith.files import atomic_folder, lock, new_file, updated_folder


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line, as the console script gives them."""
    out, errors, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["facesmith", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = argv
    return int(str(ended.value.code)), out.getvalue(), errors.getvalue()


@pytest.mark.parametrize("command", [*COMMANDS, "data import", "data explore"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    code, out, _ = run(*command.split(), "--help")
    assert code == 0
    if command != "data":
        assert "\n  facesmith " in out or '\n  eval "$(facesmith' in out


def test_the_commands_are_all_listed() -> None:
    _, out, _ = run("--help")
    for command in COMMANDS:
        assert f"\n  {command} " in out
    for text in (out, run("data", "--help")[1]):
        assert "...\n" not in text.partition("Commands:")[2], "a summary is cut"


def test_import_explore_train_export_generate(tmp_path: Path) -> None:
    settings = ["generator_width=4", "discriminator_width=4", "batch_size=8", "threads=1", "precision=float32"]
    sets = [argument for setting in [*settings, "memory_format=channels_last"] for argument in ("--set", setting)]
    at = {name: tmp_path / name for name in ("faces", "run", "frozen", "model", "made", "page")}
    for arguments in (
        ["data", "import", "builtin:40", at["faces"], "--size", "24x32"],
        ["data", "explore", at["faces"]],
        ["train", "tiny", at["faces"], at["run"], *sets, "--kimg", "0.08"],
        [
            "train",
            "tiny",
            at["faces"],
            at["frozen"],
            *sets,
            "--kimg",
            "0.08",
            "--on-collapse",
            "warn",
            "--freeze-discriminator-after",
            "0.04",
            "--set",
            "d_schedule=ratio:2",
        ],
        ["report", at["run"]],
        ["export", at["run"], at["model"]],
        ["generate", at["model"], "--count", "3", "--seed", "7", "--out", at["made"]],
        ["evaluate", at["model"], at["faces"], "--count", "16", "--save"],
        ["compare", at["run"], at["frozen"], "--out", at["page"]],
    ):
        code, _, errors = run(*arguments)
        assert code == 0, (arguments, errors)
    pictures = sorted(path.name for path in at["made"].glob("*.png"))
    assert pictures == ["000000.png", "000001.png", "000002.png"]
    assert (at["made"] / "metadata.jsonl").is_file()
    assert (at["faces"] / "explore" / "explore.html").exists()
    assert (at["page"] / "compare.html").exists()
    assert json.loads((at["model"] / "model.json").read_text())["scores"][0]["protocol"]["count"] == 16
    lines = [json.loads(line) for line in (at["frozen"] / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["d_share"] == 0.3, "of ten steps five are D's, of which the first three come before the freeze"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "tinny", "{data}", "{new}"], "did you mean tiny"),
        (["train", "tiny", "{data}", "{new}", "--set", "batchsize=3"], "did you mean batch_size"),
        (["train", "tiny", "{nothing}", "{new}"], "does not exist"),
        (["train", "tiny", "{data}", "{new}", "--resume"], "not a run"),
        (["train", "tiny", "{data}", "{new}", "--set", "device=mps"], "no mps device"),
        (["data", "import", "{nothing}", "{new}"], "does not exist"),
        (["data", "import", "builtin:9", "{new}", "--crop", "circle"], "circle"),
        (["data", "import", "builtin:9", "{new}", "--size", "big"], "big"),
        (["data", "import", "builtin:9", "{new}", "--where", "Smilling"], "Smiling"),
        (["data", "explore", "{nothing}"], "does not exist"),
        (["export", "{nothing}", "{new}"], "not a run"),
        (["generate", "{nothing}", "--out", "{new}"], "not a model folder"),
        (["report", "{nothing}"], "{nothing}"),
        (["generate", "{model}"], "--out"),
    ],
)
def test_user_errors_are_one_sentence_with_exit_code_2(
    arguments: list[str], sentence: str, builtin_dataset: Dataset, small_model: Model, tmp_path: Path
) -> None:
    places = {
        "data": builtin_dataset.path,
        "new": tmp_path / "new",
        "nothing": tmp_path / "x",
        "model": small_model.path,
    }
    code, out, errors = run(*(argument.format(**places) for argument in arguments))
    assert code == 2
    assert sentence.format(**places) in errors
    assert "Traceback" not in errors + out
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
@pytest.mark.parametrize(
    "words",
    [
        "data import builtin:9 {new} --size 8",
        "export {run} {new}",
        "generate {model} --count 3 --out {new}",
        "generate {model} --count 3 --grid --npy --out {new}",
        "interpolate drawn64 seed:1 seed:2 --frames 3 --out {new}.mp4",
        "interpolate drawn64 seed:1 seed:2 --frames 3 --out {new}.gif",
        "sweep drawn64 seed:1 --attribute Smiling --steps 3 --out {new}.png",
        "edit drawn64 seed:1 --set Smiling=1 --out {new}",
        "demo builtin:9 --out {new}",
        "data explore {data} --out {new}",
        "train tiny {data} {new} --kimg 0.01",
    ],
)
def test_a_full_disk_is_one_sentence_in_every_command(
    words: str, small_model: Model, small_run: Path, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    import resource

    places = {"model": small_model.path, "run": small_run, "data": builtin_dataset.path, "new": tmp_path / "new"}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        code, out, errors = run(*(word.format(**places) for word in words.split()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2, out + errors
    assert "Traceback" not in out + errors
    assert "File too large" in errors.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_recipes_command_lists_recipes_and_settings() -> None:
    code, out, _ = run("recipes")
    assert code == 0
    assert {"tiny", "celebrity", "dcgan64"} <= {line.split()[0] for line in out.splitlines() if line}
    _, out, _ = run("recipes", "tiny")
    assert re.search(r"^batch_size += \d+ ", out, re.MULTILINE)


def test_doctor_reports_speeds_and_the_choice_of_train() -> None:
    code, out, _ = run("doctor", "--json")
    assert code == 0
    report = json.loads(out)
    assert report["choice"] in report["speeds"]
    assert all(speed > 0 for speed in report["speeds"].values())
    assert "train uses this" in run("doctor")[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str) -> None:
    code, out, _ = run("completion", shell)
    assert code == 0
    assert "_FACESMITH_COMPLETE" in out


@pytest.mark.parametrize(
    ("words", "incomplete", "completion"),
    [
        (["train"], "ti", "tiny"),
        (["train", "tiny"], "", "photos"),
        (["train", "tiny"], "", "runs/"),
        (["train", "tiny", "photos"], "runs/", "runs/first"),
        (["train", "tiny", "photos", "new", "--set"], "batch", "batch_size="),
        (["train", "makeover", "photos", "new", "--source"], "Smiling & ~Eyeg", "Smiling & ~Eyeglasses"),
        (["export"], "runs/f", "runs/first"),
        (["edit"], "draw", "drawn64"),
        (["edit"], "mo", "model"),
        (["edit", "drawn64", "--set"], "Smi", "Smiling="),
        (["directions", "drawn64", "--orthogonal-to"], "Bald,Smi", "Bald,Smiling"),
        (["makeover"], "celeba", "celeba-makeover"),
        (["recipes"], "ti", "tiny"),
    ],
)
def test_the_shell_completes(
    words: list[str], incomplete: str, completion: str, small_run: Path, small_model: Model,
    builtin_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "runs").mkdir()
    for name, target in (("photos", builtin_dataset.path), ("runs/first", small_run), ("model", small_model.path)):
        (tmp_path / name).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    items = ShellComplete(facesmith, {}, "facesmith", "_FACESMITH_COMPLETE").get_completions(words, incomplete)
    assert completion in [item.value for item in items]
    assert all(item.value.startswith(incomplete) for item in items)


def test_the_help_of_train_is_grouped_by_task() -> None:
    _, out, _ = run("train", "--help")
    places = [out.index(text) for text in ("Resume and branch:", "\n  --resume", "Trained models:", "\n  --model")]
    assert places == sorted(places)


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.run(
        f"{sys.executable} -m facesmith recipes tiny | head -1", shell=True, capture_output=True, text=True
    )
    assert process.returncode == 0
    assert process.stderr == ""


WRITERS = {
    "data import builtin:9 OUT": atomic_folder,
    "data export DATA --out OUT": atomic_folder,
    "data explore DATA --out OUT": updated_folder,
    "train tiny DATA OUT --kimg 0.01": atomic_folder,
    "generate drawn64 --count 1 --out OUT": atomic_folder,
    "generate drawn64 --count 1 --grid --out OUT": atomic_folder,
    "evaluate DATA DATA --count 50 --out OUT": updated_folder,
    "encode drawn64 seed:1 --out OUT.npz": new_file,
    "reconstruct drawn64 PHOTO --out OUT": atomic_folder,
    "edit drawn64 seed:1 --set Smiling=1 --out OUT": atomic_folder,
    "directions drawn64 --count 50 --out OUT": atomic_folder,
    "interpolate drawn64 seed:1 seed:2 --out OUT.gif": new_file,
    "sweep drawn64 seed:1 --attribute Smiling --out OUT.png": new_file,
    "analogy drawn64 seed:1 seed:2 seed:3 --out OUT.png": new_file,
    "style-mix drawn64 --coarse seed:1 --fine seed:2 --out OUT.png": new_file,
    "makeover celeba-makeover PHOTO --out OUT": atomic_folder,
    "map drawn64 DATA --methods pca --out OUT": atomic_folder,
    "faces PHOTO --out OUT": atomic_folder,
    "demo builtin:9 --out OUT": lock,
}


@pytest.mark.parametrize("command", WRITERS)
def test_the_second_writer_of_a_name_is_refused_at_once(command: str, builtin_dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = out.with_suffix("".join(re.findall(r"OUT(\.\w+)", command)))
    hold = WRITERS[command]
    photo = tmp_path / "photo.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(photo)
    if hold is lock:
        (out / "x").mkdir(parents=True)
    places = {"OUT": str(out), "DATA": str(builtin_dataset.path), "PHOTO": str(photo)}
    words = [re.sub("OUT|DATA|PHOTO", lambda match: places[match[0]], word) for word in command.split()]
    with hold(path) if hold in (lock, updated_folder) else hold(path, "x"):  # type: ignore[operator]
        (out / "x").rmdir() if hold is lock else None
        code, _, errors = run(*words, "--quiet")
        assert code == 2
        assert "another process is writing" in errors


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_a_console_need_not_be_utf8(encoding: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    name = tmp_path / "人脸"
    command = [sys.executable, "-m", "facesmith", "data", "import", "builtin:8", str(name), "--size", "16", "--quiet"]
    result = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode(encoding)
    assert name.is_dir()
    assert b"\\u4eba" in result.stdout


def test_the_version_is_the_packages() -> None:
    assert run("--version")[1].strip().endswith(__import__("facesmith").__version__)


@given(st.one_of(st.integers(), st.floats(), st.text(max_size=6)).map(str))
def test_every_number_of_the_command_line_is_bounded(text: str) -> None:
    context = click.Context(facesmith)
    for command, option in (("generate", "seed"), ("sweep", "start")):
        loaded = facesmith.get_command(context, command)
        assert loaded is not None
        parameter = next(parameter for parameter in loaded.params if parameter.name == option)
        try:
            number = parameter.type.convert(text, parameter, context)
        except click.UsageError:
            continue
        assert math.isfinite(number)
        assert option == "start" or 0 <= number < 2**63
