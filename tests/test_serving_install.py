"""What serves models works without pyarrow, which only datasets need."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from facesmith.data.dataset import Dataset

ROOT = Path(__file__).parent.parent
WITHOUT = "import sys; sys.modules['pyarrow'] = sys.modules['torch'] = None\n"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", WITHOUT + code], capture_output=True, text=True)


def test_pyarrow_is_installed_with_datasets_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not any(need.startswith("pyarrow") for need in project["dependencies"])
    extras = project["optional-dependencies"]

    def needs(extra: str) -> set[str]:
        found = set(extras[extra])
        for inner in {name for need in found for name in re.findall(r"^facesmith\[(.+)\]", need)}:
            found |= set.union(*(needs(name) for name in inner.split(",")))
        return found

    for name in extras:
        has_pyarrow = any(need.startswith("pyarrow") for need in needs(name))
        assert has_pyarrow == (name not in ("c2pa", "docs", "heic", "hub", "openvino", "photos", "studio")), name


def test_the_studio_and_the_models_need_no_pyarrow() -> None:
    process = run(
        "import asyncio, httpx, facesmith\n"
        "from facesmith.studio.app import create_app\n"
        "from facesmith.studio.settings import Settings\n"
        "app = create_app(Settings(paths=('drawn64',)))\n"
        "async def ask():\n"
        "    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url='http://127.0.0.1') as client:\n"
        "        print((await client.get('/api/v1/generate?seed=7')).status_code)\n"
        "asyncio.run(ask())\n"
        "print(facesmith.load('drawn64').sample(2).shape)\n"
    )
    assert process.stdout.splitlines() == ["200", "(2, 64, 64, 3)"], process.stderr


def test_datasets_name_the_extra(builtin_dataset: Dataset) -> None:
    process = run(f"import facesmith; facesmith.open_dataset({str(builtin_dataset.path)!r}).labels()")
    assert "pip install 'facesmith[data]'" in process.stderr
    process = run("import facesmith; facesmith.import_dataset('builtin:4', 'nowhere')")
    assert "pip install 'facesmith[data]'" in process.stderr


def test_the_image_has_no_pyarrow() -> None:
    assert "pyarrow" not in (ROOT / "deploy" / "studio" / "requirements.txt").read_text()
