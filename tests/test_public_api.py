"""`__all__` is the promise."""

import subprocess
import sys
from pathlib import Path

import pytest

import facesmith


def test_every_promised_name_is_there_and_no_other_is_listed() -> None:
    assert dir(facesmith) == sorted(facesmith.__all__)
    for name in facesmith.__all__:
        assert getattr(facesmith, name) is not None


def test_the_lazy_names_are_the_promise() -> None:
    assert set(facesmith._HOMES) | {"FacesmithError", "__version__"} == set(facesmith.__all__)


def test_importing_facesmith_and_asking_for_help_load_nothing_heavy() -> None:
    code = (
        "import sys, facesmith, facesmith.cli as c; c.facesmith.main(['--help'], standalone_mode=False);"
        "heavy = {'torch', 'pyarrow', 'onnxruntime', 'matplotlib', 'huggingface_hub'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["train", "tiny", "data", "run"], ["demo"], ["export", "run", "model"]])
def test_what_needs_torch_says_so_in_one_sentence(words: list[str], tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from facesmith.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "needs torch: pip install 'facesmith[" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_served_without_torch() -> None:
    """Loading and sampling must not need what only training needs."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import facesmith.models.model, facesmith.models.generate, facesmith.tasks.recipes, facesmith.data.importer"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
