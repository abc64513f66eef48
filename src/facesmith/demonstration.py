"""The demo: import photos, train a model and generate faces in one call."""

import shutil
from pathlib import Path

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import write_text
from facesmith.progress import silent, tell

MARKER = ".facesmith-demo"  # a folder with this file may be replaced by the next demo


def demo(out: str | Path = "demo", *, source: str = "builtin:8000", minutes: float = 4.0, quiet: bool = False) -> Path:
    """Train the recipe `tiny` on the built-in faces or on your photos, and generate faces. Return ``out``.

    ``out`` gets dataset/, run/, model/ and faces/. An earlier demo there is replaced. Raises `FacesmithError` for any
    other folder that is not empty.
    """
    require("torch", "all", "the demo")
    from facesmith.data.importer import import_dataset
    from facesmith.models.generate import generate
    from facesmith.reports.explore import explore
    from facesmith.tasks.export import export
    from facesmith.tasks.train import train

    out = Path(out)
    _clear(out)
    print_message = silent if quiet else tell
    print_message(f"[1/4] importing {source}")
    dataset = import_dataset(source, out / "dataset", quiet=quiet)
    explore(dataset, quiet=quiet)
    print_message(f"[2/4] training the recipe tiny for {minutes:g} minutes; sample sheets: {out / 'run' / 'samples'}")
    run = train("tiny", dataset, out / "run", minutes=minutes, quiet=quiet)
    print_message("[3/4] exporting the model")
    model = export(run, out / "model")
    print_message("[4/4] generating faces")
    generate(model, out / "faces", count=100, quiet=quiet)
    generate(model, out / "sheet", count=100, grid=True, quiet=True)
    shutil.move(out / "sheet" / "sheet.png", out / "faces.png")
    shutil.rmtree(out / "sheet")
    return out


def _clear(out: Path) -> None:
    if out.exists():
        if any(out.iterdir()) and not (out / MARKER).exists():
            raise FacesmithError(f"{out} exists and is not a demo: choose another folder with --out")
        shutil.rmtree(out)
    write_text(out / MARKER, "Written by facesmith demo. The next demo in this folder replaces it.\n")
