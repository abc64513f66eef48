"""The example plugin of docs/extend.md: train, export, and generate without torch."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.networks.plugins import load_plugin
from facesmith.networks.registry import families, family_settings, register_family
from facesmith.networks.settings import FamilyConfig

PLUGIN = Path(__file__).parents[2] / "docs" / "examples" / "dense.py"
NO_TORCH = (
    "import sys; sys.modules['torch'] = None; import facesmith; print(facesmith.load(sys.argv[1]).sample(2).shape)"
)
OPTIONS = ("--kimg", "0.1", "--quiet", "--set", "batch_size=4", "--set", "device=cpu", "--set", "score_kimg=0")


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "facesmith", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


@pytest.mark.timeout(900)
def test_a_plugin_trains_exports_and_generates(builtin_dataset: Dataset, tmp_path: Path) -> None:
    folder, model = tmp_path / "run", tmp_path / "model"
    listing = run("recipes", "dense", "--plugin", PLUGIN)
    assert "width = 64" in listing.stdout, listing.stderr
    training = run("--plugin", PLUGIN, "train", "dense", builtin_dataset.path, folder, "--set", "width=8", *OPTIONS)
    assert training.returncode == 0, training.stderr
    export_without_plugin = run("export", folder, model)
    assert export_without_plugin.returncode == 2
    assert "'dense'" in export_without_plugin.stderr
    assert "--plugin" in export_without_plugin.stderr
    export = run("export", folder, model, FACESMITH_PLUGINS=str(PLUGIN))
    assert export.returncode == 0, export.stderr
    network = json.loads((model / "model.json").read_text())["network"]
    assert (network["family"], network["width"]) == ("dense", 8)
    sampling = subprocess.run([sys.executable, "-c", NO_TORCH, model], capture_output=True, text=True)
    assert sampling.stdout.startswith("(2, "), sampling.stderr


def test_the_documentation_outlines_the_plugin() -> None:
    page, plugin = (PLUGIN.parents[1] / "extend.md").read_text(), PLUGIN.read_text()
    (outline,) = re.findall(r"```python\n(import facesmith\n.*?)```", page, re.DOTALL)
    lines = [line.partition("  #")[0].removesuffix(": ...") for line in outline.splitlines()]
    assert [line for line in lines if line not in plugin] == []
    assert "register_family" in outline


def test_settings_of_built_in_families_need_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from facesmith.networks.registry import KINDS, families, family_settings\n"
        "print({name: list(family_settings(name, kind)) for kind in KINDS for name in families(kind)})"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    expected = {name: list(family_settings(name, kind)) for kind in ("gan", "makeover") for name in families(kind)}
    assert process.stdout.strip() == str(expected), process.stderr
    assert "discriminator_norm" in expected["dcgan"]


def test_a_family_name_is_registered_once() -> None:
    with pytest.raises(FacesmithError, match="dcgan"):
        register_family("dcgan", FamilyConfig, object, object)


@pytest.mark.parametrize(("text", "sentence"), [(None, "does not exist"), ("1 / 0", "ZeroDivisionError")])
def test_a_broken_plugin_is_reported_without_a_traceback(text: str | None, sentence: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "broken.py").write_text(text)
    with pytest.raises(FacesmithError, match=sentence):
        load_plugin(tmp_path / "broken.py")
