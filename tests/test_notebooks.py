"""The notebooks run from the first to the last cell, with small settings."""

import importlib.util
import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import facesmith

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
nbformat: Any = pytest.importorskip("nbformat", reason="nbformat is not installed")


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """docs/notebooks.py, which runs the notebooks for the site."""
    spec = importlib.util.spec_from_file_location("docs_notebooks", ROOT / "docs" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert [cell.execution_count for cell in code] == [None] * len(code)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1


@pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="runs for minutes: set FACESMITH_SLOW")
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # of the kernel's client
@pytest.mark.parametrize(("name", "images"), [("project", 8), ("latent-space", 7), ("labelled-set", 1)])
def test_notebooks_run(name: str, images: int, runner: ModuleType, tmp_path: Path) -> None:
    notebook = runner.execute(ROOT / "notebooks" / f"{name}.ipynb", tmp_path, small=True)
    page = runner.to_markdown(notebook)
    assert page.startswith("# ")
    assert page.count('src="data:image/') >= images
    assert "it/s]" not in page
    assert ".ipynb)" not in page
    assert {path.name for path in tmp_path.iterdir()} == {name}  # everything is in the folder OUT


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
def test_interrupting_the_kernel_saves_a_run_that_can_be_resumed(
    builtin_dataset: facesmith.Dataset, tmp_path: Path
) -> None:
    jupyter_client: Any = pytest.importorskip("jupyter_client.manager", reason="jupyter_client is not installed")
    settings = ("batch_size=4", "threads=1", "log_steps=2", "generator_width=4", "discriminator_width=4")
    run = tmp_path / "run"
    call = f"facesmith.train('tiny', {str(builtin_dataset.path)!r}, {str(run)!r}"
    manager, client = jupyter_client.start_new_kernel(kernel_name="python3")
    try:
        client.execute(f"import facesmith; {call}, settings={settings}, kimg=1000)")
        deadline = time.monotonic() + 120
        while not (run / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        manager.interrupt_kernel()
        assert client.get_shell_msg(timeout=120)["content"]["status"] == "ok"
        interrupted = facesmith.open_run(run).status
        assert interrupted.status == "interrupted"
        kimg = interrupted.kimg + 0.02
        reply = client.execute(f"{call}, kimg={kimg}, resume=True)", reply=True, timeout=120)
        assert reply["content"]["status"] == "ok"
        assert facesmith.open_run(run).status.kimg > kimg - 0.004, "within a batch of four images"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
