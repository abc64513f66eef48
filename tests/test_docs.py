"""The documentation says what the code does."""

import importlib.util
import re
from pathlib import Path

import pytest

import facesmith
from facesmith.cli import COMMANDS
from facesmith.tasks.recipes import RECIPES

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))


def _generator() -> object:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["recipes-table.md", "commands.md"])
def test_generated_pages_are_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == _generator().PAGES[page](), "run `make docs`"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [name for name in facesmith.__all__ if name != "__version__"])
def test_every_public_name_is_in_the_python_page(name: str) -> None:
    assert f"`{name}" in (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_every_dependency_earns_its_place_in_a_sentence() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(p for extra in project["optional-dependencies"].values() for p in extra)]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    for dependency in wanted:
        name = re.split(r"[\[<>=]", dependency)[0].lower()
        assert f"`{name}`" in page or name == "facesmith", name


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), target


def test_the_readme_names_the_two_commands_and_only_commands_there_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme
    shell = "\n".join(re.findall(r"```bash\n(.*?)```", readme, re.DOTALL))
    used = re.findall(r"^facesmith (\w+)", shell, re.MULTILINE)
    assert {"data", "train", "export", "generate"} <= set(used) <= set(COMMANDS)
    for recipe in re.findall(r"facesmith train (\w+)", readme):
        assert recipe in RECIPES
