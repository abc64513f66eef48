"""The public API: `facesmith/__init__.pyi` lists it."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import facesmith

# Every name of version 0.1. Do not change this list.
NAMES_OF_0_1 = """
    RECIPES Cut Dataset Directions Face FacesmithError Judge Makeover Model Recipe Run RunStatus Scores
    Subject __version__ analogy analogy_grid blended checkup compare cut_faces demo describe edit encode
    evaluate explore export find_faces fit_directions generate import_dataset interpolate label latent_path
    load load_judge load_makeover make_over map_faces nearest_faces neighbours of_faces open_dataset open_run
    read_photo recipe_settings reconstruct refine report shipped_makeovers shipped_models show_faces studio
    style_mix subjects sweep train
"""


@pytest.mark.parametrize("name", facesmith.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(facesmith, name) is not None


@pytest.mark.parametrize("name", NAMES_OF_0_1.split())
def test_every_name_of_version_0_1_still_works(name: str) -> None:
    if name == "studio":
        pytest.skip("facesmith.studio is only a package; facesmith.serve is the function")
    with warnings.catch_warnings(record=True) as deprecations:
        warnings.simplefilter("always")
        assert getattr(facesmith, name) is not None
    assert name in facesmith.__all__ or deprecations


def test_a_public_name_is_not_also_a_module() -> None:
    """Python would replace the function by the module as soon as the module is imported."""
    package = Path(facesmith.__file__).parent
    modules = {path.stem for path in package.iterdir()}
    assert not modules & set(facesmith.__all__)


def test_import_and_help_load_no_heavy_package() -> None:
    code = (
        "import sys, facesmith, facesmith.cli as c; c.facesmith.main(['--help'], standalone_mode=False);"
        "heavy = {'torch', 'pyarrow', 'onnxruntime', 'matplotlib', 'huggingface_hub'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("arguments", [["train", "tiny", "data", "run"], ["demo"], ["export", "run", "model"]])
def test_commands_that_need_torch_name_the_extra(arguments: list[str], tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from facesmith.cli import main; main()"
    process = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1
    assert "requires torch: pip install 'facesmith[" in process.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_served_without_torch() -> None:
    """Loading and sampling must not need what only training needs."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import facesmith.models.model, facesmith.models.generate, facesmith.tasks.recipes, facesmith.data.importer"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
