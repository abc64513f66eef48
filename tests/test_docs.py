"""The documentation matches the code: commands, Python examples, links, settings, dependencies."""

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import facesmith
from facesmith.cli import COMMANDS
from facesmith.cli import facesmith as command_line
from facesmith.runs.health import MEANINGS
from facesmith.tasks.recipes import RECIPES
from facesmith.training.settings import settings_of

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.DOTALL | re.MULTILINE)


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs name them."""
    text = re.sub(r"^```.*?^```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.strip().lower())) for title in titles}


def command_lines() -> list[tuple[str, str]]:
    """(page, line) of every facesmith command in a code block or in the examples of a command's help."""
    texts = [(page.name, block) for page in PAGES for block in code_blocks(page, "bash")]
    texts += [("--help", command.help or "") for command in commands()]
    lines = []
    for name, text in texts:
        found = re.findall(r"^(?:[A-Z_]+=\S* )*(facesmith \S.+)", text.replace("\\\n", " "), re.MULTILINE)
        lines += [(name, line) for line in found if " ... " not in line and "$(" not in line]
    return lines


def commands() -> Iterator[click.Command]:
    """Every command, those of groups included."""
    context = click.Context(command_line, info_name="facesmith")
    for name in COMMANDS:
        command = command_line.get_command(context, name)
        assert command is not None
        yield from command.commands.values() if isinstance(command, click.Group) else (command,)


def generated_pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    return {name: write() for name, write in generator.PAGES.items()}


def test_generated_pages_have_every_command_setting_and_route() -> None:
    pages = generated_pages()
    assert all(f"## facesmith {name}" in pages["commands.md"] for name in COMMANDS)
    settings = {key for recipe in RECIPES.values() for key in settings_of(recipe)}
    assert all(f"| `{key}` |" in pages["recipes-table.md"] for key in settings)
    assert "## GET /generate\n" in pages["http-routes.md"]


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_command_lines_are_valid(page: str, line: str) -> None:
    arguments = shlex.split(line, comments=True)[1:]
    arguments = arguments[: arguments.index(">")] if ">" in arguments else arguments
    command: click.Command = command_line
    context = click.Context(command_line, info_name="facesmith")
    while isinstance(command, click.Group):
        if arguments[0].startswith("-"):
            return  # facesmith --version
        child = command.get_command(context, arguments[0])
        assert child is not None, arguments[0]
        command, arguments = child, arguments[1:]
    context = command.make_context(command.name, arguments)
    if command.name == "train" and "--plugin" not in line:
        recipe = RECIPES[context.params["recipe"]]
        for setting in context.params["settings"]:
            assert setting.partition("=")[0] in settings_of(recipe), setting


@pytest.mark.parametrize("page", [page for page in PAGES if code_blocks(page, "python")], ids=lambda page: page.name)
def test_python_examples_parse_and_use_the_public_api(page: Path) -> None:
    for block in code_blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "facesmith":
                assert node.attr in facesmith.__all__, node.attr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_scripts_and_settings_exist(page: Path) -> None:
    text = text_of(page)
    for script in re.findall(r"(?:benchmarks|deploy|tests)/[\w/-]+\.(?:py|yaml|txt)", text):
        assert (ROOT / script).exists(), script
    for script, options in re.findall(r"python (benchmarks/\w+\.py)([^`\n]*)", text):
        source = text_of(ROOT / script)
        assert all(f'"{option}"' in source for option in re.findall(r"--[\w-]+", options)), script
    setting_names = {key for recipe in RECIPES.values() for key in settings_of(recipe)}
    for setting in re.findall(r"--set '?([a-z]\w+)=", text):
        assert setting in setting_names, setting


def test_the_architecture_page_names_existing_code() -> None:
    package = Path(facesmith.__file__).parent
    for line in text_of(DOCS / "architecture.md").splitlines():
        names = [
            name for name in re.findall(r"`((?:\w+/)+(?:[\w.-]+)?)`", line) if not name.startswith(("src/", "tests/"))
        ]
        files = [next(iter([*package.glob(name), *package.glob(f"*/{name}")]), package / name) for name in names]
        assert all(file.exists() for file in files), line
        if functions := re.findall(r"`([a-z]+_[a-z_]+)`(?:,| in)", line):
            sources = "".join(file.read_text(encoding="utf-8") for file in files if file.suffix == ".py")
            assert all(f"def {function}(" in sources for function in functions), functions


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if not target.startswith(("http", "mailto")):
            name, _, anchor = target.partition("#")
            file = page.parent / name if name else page
            assert file.exists(), target
            assert page.parent != DOCS or file.resolve().is_relative_to(DOCS), f"{target} is not on the site"
            assert not anchor or anchor in headings(file), target


def test_the_site_lists_every_page() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = re.findall(r"[\w-]+\.md", str(navigation))
    notebooks = [f"notebook-{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert sorted(listed) == sorted([*(page.name for page in DOCS.glob("*.md")), *notebooks, *generated_pages()])


def test_every_public_name_is_in_the_python_reference() -> None:
    documented = re.findall(r"^::: facesmith\.(\w+)$", text_of(DOCS / "python-api.md"), re.MULTILINE)
    assert sorted(documented) == sorted(name for name in facesmith.__all__ if name != "__version__")


def test_every_dependency_is_justified() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    dependencies = [*project["dependencies"], *(name for extra in extras.values() for name in extra)]
    page = text_of(DOCS / "dependencies.md").lower()
    for dependency in dependencies:
        name = re.split(r"[\[<>=]", dependency)[0].lower()
        assert f"`{name}`" in page or name == "facesmith", name


def test_every_health_state_is_explained() -> None:
    assert all(f"`{state}`" in text_of(DOCS / "collapse.md") for state in MEANINGS)


def test_the_readme_shows_the_pipeline() -> None:
    shell = "\n".join(code_blocks(ROOT / "README.md", "bash"))
    assert "make demo" in shell
    assert "make test" in shell
    used = set(re.findall(r"^facesmith (\w+)", shell, re.MULTILINE))
    assert {"data", "train", "export", "generate", "edit", "studio"} <= used <= set(COMMANDS)
