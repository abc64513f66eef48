"""`__all__` is the promise."""

import subprocess
import sys

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


def test_a_model_is_served_without_torch() -> None:
    """Loading and sampling must not need what only training needs."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import facesmith.model, facesmith.generating, facesmith.training.recipes, facesmith.datasets.importing"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
