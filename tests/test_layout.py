"""The rules of the layout, read from the imports."""

import ast
from pathlib import Path

import pytest

import facesmith

SRC = Path(facesmith.__file__).parent.parent
# A package imports only packages to its left. "facesmith" is the public API.
ORDER = [
    "errors",
    "version",
    "terms",
    "arrays",
    "extras",
    "files",
    "progress",
    "hub",
    "machine",
    "images",
    "data",
    "networks",
    "doctor",
    "runs",
    "training",
    "models",
    "metrics",
    "latent",
    "reports",
    "tasks",
    "artefacts",
    "demonstration",
    "facesmith",
    "studio",
    "cli",
    "__main__",
]
SUPPORT = {
    "facesmith",
    "facesmith.arrays",
    "facesmith.errors",
    "facesmith.extras",
    "facesmith.machine",
    "facesmith.version",
}
RUN_FILES = {"run.json", "recipe.toml", "metrics.jsonl", "timing.jsonl", "checkpoints", "best.safetensors"}
MODEL_FILES = {"model.json", "makeover.json", "judge.json", "classifier.json", "directions.safetensors"}
MODEL_FILES |= {f"{network}.{kind}" for network in ("generator", "encoder") for kind in ("safetensors", "onnx")}

# The results of `facesmith makeover` have been in a makeover.json since 0.1; the card of a makeover has the same name.
EXCEPTIONS = {"facesmith.tasks.makeover.apply names makeover.json"}

TREES = {
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text("utf-8"))
    for path in sorted(SRC.rglob("*.py"))
}


def package_of(module: str) -> str:
    """Return the part after "facesmith" of a module's name: a package or a file of the top level."""
    return [*module.split("."), "facesmith"][1]


def task_of(module: str) -> str:
    """Return "gan" for facesmith.tasks.gan.step, "" for a module of no task."""
    parts = module.split(".")
    return parts[2] if parts[1:2] == ["tasks"] and len(parts) > 3 else ""


def imports_of(module: str) -> dict[str, bool]:
    """Return the modules of facesmith that a module imports, anywhere in it, and whether code needs them."""
    imports: dict[str, bool] = {}
    blocks = (node for node in ast.walk(TREES[module]) if isinstance(node, ast.If))
    checking = [block for block in blocks if ast.unparse(block.test) == "TYPE_CHECKING"]
    annotations = {id(node) for block in checking for node in ast.walk(block)}
    for node in ast.walk(TREES[module]):
        names = set()
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names = {member if member in TREES else node.module for member in members}
        for name in names & TREES.keys():
            imports[name] = imports.get(name, False) or id(node) not in annotations
    return imports


IMPORTS = {module: imports_of(module) for module in TREES}
EDGES = {(module, target) for module, targets in IMPORTS.items() for target in targets}


def check(violations: set[str]) -> None:
    """Fail for violations that are not in `EXCEPTIONS`."""
    assert not violations - EXCEPTIONS, "\n".join(sorted(violations - EXCEPTIONS))


def edges(violating: set[tuple[str, str]]) -> set[str]:
    return {f"{module} -> {target}" for module, target in violating}


def test_every_package_has_a_position_in_the_order() -> None:
    assert {package_of(module) for module in TREES} == set(ORDER)


def test_a_package_imports_only_lower_packages() -> None:
    place = {name: number for number, name in enumerate(ORDER)}
    pairs = {(a, b) for a, b in EDGES if package_of(a) != package_of(b)}
    check(edges({(a, b) for a, b in pairs if place[package_of(a)] < place[package_of(b)]}))


def test_a_task_imports_no_other_task() -> None:
    check(edges({(a, b) for a, b in EDGES if task_of(a) and task_of(b) and task_of(a) != task_of(b)}))


@pytest.mark.parametrize("package", ["cli", "studio"])
def test_cli_and_studio_import_only_the_public_api(package: str) -> None:
    outside = {(a, b) for a, b in EDGES if package_of(a) == package and package_of(b) != package}
    check(edges({(a, b) for a, b in outside if b not in SUPPORT}))


def test_images_needs_no_torch() -> None:
    for module, tree in TREES.items():
        if package_of(module) == "images":
            statements = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
            assert not {text for text in statements if text.startswith(("import torch", "from torch"))}, module


def test_files_import_each_other_without_a_circle() -> None:
    remaining = {(a, b) for a, targets in IMPORTS.items() for b, needed in targets.items() if needed}
    while True:
        importers, imported = {a for a, _ in remaining}, {b for _, b in remaining}
        circles = {(a, b) for a, b in remaining if a in imported and b in importers}
        if circles == remaining:
            break
        remaining = circles
    check({f"circle: {edge}" for edge in edges(remaining)})


@pytest.mark.parametrize(("names", "package"), [(RUN_FILES, "runs"), (MODEL_FILES, "models")])
def test_only_one_package_names_the_files_of_a_folder(names: set[str], package: str) -> None:
    check(
        {
            f"{module} names {node.value}"
            for module, tree in TREES.items()
            if package_of(module) != package
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in names
        }
    )
