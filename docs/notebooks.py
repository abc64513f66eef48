"""Run the notebooks, and add them with their outputs as pages of the documentation site.

MkDocs calls `on_files`. Results are cached by their content in .cache/notebooks. With NOTEBOOKS=small in the
environment, the notebooks run in a minute each, with the settings that their test uses.
"""

import base64
import hashlib
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CACHE = ROOT / ".cache" / "notebooks"
# Parameters with which a notebook ends quickly.
SMALL = {
    "project": 'SOURCE, MINUTES, SETTINGS = "builtin:80", 0.15, ("batch_size=8", "threads=1", "log_steps=1")',
    "latent-space": 'SOURCE = "builtin:60"',
    "labelled-set": 'SOURCE, TEST_COUNT, COUNT, KIMG = "builtin:80", 40, 40, 0.08',
}


def execute(path: Path, folder: Path, small: bool) -> Any:
    """Return the notebook with the outputs of all cells, run in ``folder``."""
    notebook: Any = nbformat.read(path, 4)
    if small:
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", []):
                cell.source += f"\n{SMALL[path.stem]}"
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=None, kernel_name="python3", resources=resources).execute()


def cached(path: Path, small: bool) -> Any:
    """Return `execute`'s result, from the cache if neither the notebook nor the code has changed."""
    sources = [path, *sorted((ROOT / "src").rglob("*.py"))] if not small else [path]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    file = CACHE / f"{path.stem}-{'small-' * small}{digest}.ipynb"
    if not file.exists():
        with TemporaryDirectory() as folder:
            notebook = execute(path, Path(folder), small)
        CACHE.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, file)
    return nbformat.read(file, 4)


def to_markdown(notebook: Any) -> str:
    """Return a notebook as Markdown: texts, code, and the outputs without progress bars."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(re.sub(r"\]\(([\w-]+)\.ipynb\)", r"](notebook-\1.md)", cell.source))
        else:
            parts += [f"```python\n{cell.source}\n```", *filter(None, map(_output, cell.get("outputs", [])))]
    return "\n\n".join(parts) + "\n"


def _output(output: Any) -> str:
    """Return an output as Markdown; images are inside."""
    data = output.get("data", {})
    if "text/html" in data:
        return " ".join(data["text/html"].split())  # an empty line would end the HTML
    if "image/png" in data:
        return f'<img alt="output" src="data:image/png;base64,{"".join(data["image/png"].split())}">'
    if "image/svg+xml" in data:
        encoded = base64.b64encode(data["image/svg+xml"].encode()).decode()
        return f'<img alt="chart" src="data:image/svg+xml;base64,{encoded}">'
    text = output.text if output.output_type == "stream" and output.name == "stdout" else data.get("text/plain", "")
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""


def on_files(files: Any, config: Any) -> Any:
    """Add a page for each notebook. Called by MkDocs."""
    from mkdocs.structure.files import File

    for path in NOTEBOOKS:
        text = to_markdown(cached(path, small=os.environ.get("NOTEBOOKS") == "small"))
        files.append(File.generated(config, f"notebook-{path.stem}.md", content=text))
    return files
