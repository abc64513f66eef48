"""The demo: import photos, train a model and generate faces in one call."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facesmith.extras import require
from facesmith.files import lock, new_parents, refuse_existing, remove, write_text
from facesmith.progress import silent, tell

MARKER = ".facesmith-demo"  # the content of a folder with this file may be replaced by the next demo
NEW_DATASET = ".dataset"
DRAWN = ("flatten=15",)  # settings for the built-in faces


def demo(out: str | Path = "demo", *, source: str = "builtin:8000", minutes: float = 4.0, quiet: bool = False) -> Path:
    """Train with the `tiny` recipe on the built-in faces or on your photos, and generate faces. Return ``out``.

    ``out`` then contains dataset/, run/, model/ and faces/. An earlier demo in this folder is replaced as soon as the
    photos have been imported. Raises `FacesmithError` for any other folder that is not empty, and if another process
    writes to it.
    """
    require("torch", "all", "the demo")
    from facesmith.data.dataset import open_dataset
    from facesmith.data.importer import import_dataset
    from facesmith.images.grid import make_grid, save_sheet
    from facesmith.models.generate import generate
    from facesmith.reports.explore import explore
    from facesmith.tasks.export import export
    from facesmith.tasks.train import check_minutes, train

    out = Path(out)
    check_minutes(minutes)
    print_message = silent if quiet else tell
    with _demo_folder(out):
        print_message(f"[1/4] importing {source}")
        import_dataset(source, out / NEW_DATASET, quiet=quiet)
        for name in ("dataset", "run", "model", "faces", "faces.png"):
            remove(out / name)
        dataset = open_dataset((out / NEW_DATASET).rename(out / "dataset"))
        explore(dataset, quiet=quiet)
        print_message(
            f"[2/4] training with the tiny recipe for {minutes:g} minutes; sample sheets: {out / 'run' / 'samples'}"
        )
        settings = DRAWN if dataset.card["source"]["kind"] == "builtin" else ()
        run = train("tiny", dataset, out / "run", settings=settings, minutes=minutes, quiet=quiet)
        print_message("[3/4] exporting the model")
        model = export(run, out / "model")
        print_message("[4/4] generating faces")
        generate(model, out / "faces", count=100, quiet=quiet)
        save_sheet(make_grid(model.sample(100), gap=2), out / "faces.png", model.marks(seed=0))
    return out


@contextmanager
def _demo_folder(out: Path) -> Iterator[None]:
    """Make, lock and mark the folder of a demo. It is as before if the import fails."""
    if not (out / MARKER).exists():
        refuse_existing(out, "demo")
    with new_parents(out / MARKER), lock(out):
        write_text(out / MARKER, "Written by facesmith demo. The next demo in this folder replaces it.\n")
        remove(out / NEW_DATASET)  # a process died before it was renamed
        try:
            yield
        finally:
            if not (out / "dataset").exists():
                remove(out / MARKER)
