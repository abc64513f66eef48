"""The whole way in one call: photos → dataset → run → model → faces."""

import shutil
from pathlib import Path

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import write_text
from facesmith.progress import silent, tell

MARK = ".facesmith-demo"  # in the folder of a demo, so that the next one knows it may clear the last away


def demo(out: str | Path = "demo", *, source: str = "builtin:8000", minutes: float = 4.0, quiet: bool = False) -> Path:
    """Train the `tiny` recipe on the built-in faces, or on photos of your own, and make faces. Returns ``out``.

    ``out`` gets dataset/, run/, model/ and faces/. A former demo there is replaced; anything else is refused with
    `FacesmithError`.
    """
    require("torch", "all", "the demo trains a model, which")
    from facesmith.data.importer import import_dataset
    from facesmith.models.generate import generate
    from facesmith.reports.explore import explore
    from facesmith.tasks.export import export
    from facesmith.tasks.train import train

    out = Path(out)
    _clear(out)
    say = silent if quiet else tell
    say(f"[1/4] making a dataset of {source}")
    dataset = import_dataset(source, out / "dataset", quiet=quiet)
    explore(dataset, quiet=quiet)
    say(f"[2/4] training the recipe tiny for {minutes:g} minutes: open {out / 'run' / 'samples'} and watch")
    run = train("tiny", dataset, out / "run", minutes=minutes, quiet=quiet)
    say("[3/4] exporting the model")
    model = export(run, out / "model")
    say("[4/4] making faces")
    generate(model, out / "faces", count=100, quiet=quiet)
    generate(model, out / "sheet", count=100, grid=True, quiet=True)
    shutil.move(out / "sheet" / "sheet.png", out / "faces.png")
    shutil.rmtree(out / "sheet")
    return out


def _clear(out: Path) -> None:
    if out.exists():
        if any(out.iterdir()) and not (out / MARK).exists():
            raise FacesmithError(f"{out} exists and is not a former demo: choose another folder with --out")
        shutil.rmtree(out)
    write_text(out / MARK, "Made by facesmith demo; the next demo in this place replaces it.\n")
