"""The commands, from the words to the files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facesmith import FacesmithError, Model
from facesmith.cli import COMMANDS
from facesmith.cli import facesmith as root
from facesmith.data.dataset import Dataset


def run(*arguments: object) -> Result:
    return CliRunner().invoke(root, [str(argument) for argument in arguments], catch_exceptions=False)


def test_from_a_photo_to_its_edits(
    linear_model: Model, builtin_dataset: Dataset, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("directions", linear_model.path, builtin_dataset.path, "--out", "model", "--quiet")
    assert result.exit_code == 0, result.output
    assert "chance: 50%" in result.output
    (tmp_path / "edits.csv").write_text("Eyeglasses\n1\n")
    arguments = {
        "encode": ["--out", "latents.npz"],
        "reconstruct": ["--out", "back"],
        "edit": ["--set", "eyeglasses=+1", "--set", "Blond_Hair=-1", "--row", "Blond_Hair=2", "--table", "edits.csv",
                 "--kind", "mean", "--out", "edited"],
        "interpolate": ["seed:1", "--frames", "4", "--linear", "--loop", "--out", "way.png"],
        "analogy": ["seed:1", "seed:2", "--rows", "2", "--columns", "3", "--out", "plane.png"],
        "sweep": ["--attribute", "Eyeglasses", "--from", "-1", "--to", "1", "--steps", "3", "--out", "sweep.png"],
    }  # fmt: skip
    for command, options in arguments.items():
        result = run(command, "model", photo, *options, "--quiet")
        assert result.exit_code == 0, result.output
        assert (tmp_path / options[-1]).exists(), command
    rows = json.loads((tmp_path / "edited" / "edits.json").read_text())
    assert [face["edit"] for face in rows["faces"]] == [
        {},
        {"Eyeglasses": 1, "Blond_Hair": -1},
        {"Blond_Hair": 2},
        {"Eyeglasses": 1},
    ]
    assert rows["kind"] == "mean"
    shutil.copytree(builtin_dataset.path, "faces")  # it keeps what was computed of it
    result = run("neighbours", "model", "faces", photo, "--count", "2", "--out", "near", "--quiet")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "near" / "neighbours.json").read_text())[0]["latent"][0]["row"] == 3


def test_describe_is_a_table_or_json(directed_model: Model, photo: Path) -> None:
    result = run("describe", directed_model.path, photo, "seed:4", "--top", 3, "--quiet").output
    blocks = result.strip().split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == ["face.png", "seed:4"]
    assert all(len(block.splitlines()) == 4 for block in blocks)
    assert "times as likely as among all faces" in result
    descriptions = json.loads(run("describe", directed_model.path, photo, "--by", "lift", "--json", "--quiet").output)
    assert len(descriptions[0]["attributes"]) == 5
    assert descriptions[0]["attributes"][0]["name"] in directed_model.directions.names


@pytest.mark.parametrize("command", ["encode", "reconstruct", "edit", "describe", "analogy", "interpolate", "sweep"])
def test_user_errors_are_one_sentence(command: str, directed_model: Model, tmp_path: Path) -> None:
    arguments: list[object] = [command, directed_model.path, *[tmp_path / "nobody.jpg"] * 3]
    arguments += (
        [] if command == "describe" else ["--out", tmp_path / "out.npz" if command == "encode" else tmp_path / "x.png"]
    )
    arguments += ["--set", "Eyeglasses=1"] if command == "edit" else ["--axis", 1] if command == "sweep" else []
    with pytest.raises(FacesmithError, match="nobody.jpg does not exist: pass a photo"):
        run(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_every_editing_command_has_help_with_an_example() -> None:
    command_names = [name for name, module in COMMANDS.items() if module in ("edit", "paths")]
    assert len(command_names) == 10
    for name in command_names:
        assert f"facesmith {name} " in run(name, "--help").output


def test_faces_of_generated_latents_need_no_photo(directed_model: Model, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", z=directed_model.latents(2, seed=8))
    result = run(
        "edit", directed_model.path, f"{tmp_path / 'mine.npz'}:1", "--set", "Eyeglasses=1", "--out", tmp_path / "o"
    )
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "o" / "latents.npz") as latents:
        assert np.array_equal(latents["z"][0], directed_model.latents(2, seed=8)[1])


def test_all_but_refining_works_without_torch(directed_model: Model, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import facesmith\n"
        "model, out = sys.argv[1:]\n"
        "facesmith.describe(model, ['seed:1'], quiet=True)\n"
        "facesmith.edit(model, ['seed:1'], out + '/a', edits=['Eyeglasses=1'], quiet=True)\n"
        "facesmith.reconstruct(model, ['seed:1'], out + '/b', quiet=True)\n"
        "facesmith.analogy, facesmith.neighbours, facesmith.fit_directions\n"
        "try:\n"
        "    facesmith.reconstruct(model, ['seed:1'], out + '/c', refine=1, quiet=True)\n"
        "except facesmith.FacesmithError as error:\n"
        "    print(error)\n"
    )
    arguments = [sys.executable, "-c", code, str(directed_model.path), str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("pip install 'facesmith[train]'\n")
