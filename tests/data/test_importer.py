"""The import as a whole: what it keeps, what it names, and what it leaves behind when it fails."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facesmith.data import import_state
from facesmith.data.dataset import Dataset, DatasetWriter, open_dataset
from facesmith.data.importer import import_dataset
from facesmith.data.merge import merge_datasets
from facesmith.errors import FacesmithError
from facesmith.images.provenance import GENERATED, Marks, save_options


def photos(folder: Path, count: int, side: int = 40) -> Path:
    folder.mkdir()
    for i in range(count):
        noise = np.random.default_rng(i).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{i:04d}.png")
    return folder


def test_import_handles_sixty_hostile_files(
    hostile_folder: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(hostile_folder.kept) + len(hostile_folder.skipped) + len(hostile_folder.ignored) == 60
    dataset = import_dataset(
        hostile_folder.folder, tmp_path / "out", size="40", crop="none", resize="box", quiet=True, workers=2
    )
    assert capfd.readouterr() == ("", "")
    files = dataset.metadata()["file"].to_pylist()
    assert set(files) == set(hostile_folder.kept)
    skipped = {entry["file"]: entry["reason"] for entry in dataset.card["skipped"]}
    assert set(skipped) == set(hostile_folder.skipped)
    assert dataset.card["skipped_count"] == len(skipped) == 19
    for file, reason in hostile_folder.skipped.items():
        assert reason in skipped[file], file
        assert len(skipped[file]) < 60
    for file, pixels in zip(files, dataset.images, strict=True):
        shows = hostile_folder.kept[file].convert("RGB").resize((40, 40), Image.Resampling.BOX)
        assert np.abs(np.asarray(shows).astype(int) - pixels).mean() < 2, file


@pytest.mark.skipif(os.name != "posix", reason="file names of any bytes are POSIX's")
def test_a_file_name_with_invalid_utf8_is_imported(tmp_path: Path) -> None:
    root = photos(tmp_path / "in", 1)
    (root / "0000.png").rename(root / os.fsdecode(b"caf\xe9.png"))
    dataset = import_dataset(root, tmp_path / "out", size="8", quiet=True, workers=1)
    assert dataset.metadata()["file"].to_pylist() == ["caf\\xe9.png"]


def test_an_import_without_usable_images_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    (root / "a.jpg").write_bytes(b"")
    (root / "b.jpg").write_bytes(b"text")
    with pytest.raises(FacesmithError, match=r"no usable images: check the files, for example a\.jpg \(empty file\)"):
        import_dataset(root, tmp_path / "out", quiet=True, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_dataset_card_records_the_import(tmp_path: Path) -> None:
    root = photos(tmp_path / "in", 7)
    dataset = import_dataset(
        root,
        tmp_path / "out",
        size="10x8",
        crop="center:20",
        resize="bicubic",
        limit=5,
        seed=3,
        name="mine",
        quiet=True,
    )
    card = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert card == dataset.card
    datetime.fromisoformat(card.pop("created"))
    assert len(card.pop("fingerprint")) == len(card["source"].pop("fingerprint")) == 64
    assert card.pop("facesmith")
    assert card == {
        "terms": "those of its photos",
        "made_with": [],
        "format": "facesmith-dataset",
        "version": 1,
        "name": "mine",
        "source": {"kind": "folder", "name": "in", "credit": None},
        "size": [10, 8],
        "channels": 3,
        "crop": "center:20",
        "resize": "bicubic",
        "where": None,
        "limit": 5,
        "seed": 3,
        "count": 5,
        "attributes": [],
        "splits": {},
        "skipped": [],
        "skipped_count": 0,
        "rows_without_image": 0,
        "ignored_columns": [],
        "notes": [],
    }
    assert dataset.images.shape == (5, 8, 10, 3)
    files = dataset.metadata()["file"].to_pylist()
    assert files == sorted(files)


def test_the_fingerprint_depends_on_pixels_not_on_workers(tmp_path: Path) -> None:
    root = photos(tmp_path / "in", 150)
    single = import_dataset(root, tmp_path / "one", size="8", quiet=True, workers=1)
    triple = import_dataset(root, tmp_path / "three", size="8", quiet=True, workers=3)
    assert single.fingerprint == triple.fingerprint
    assert np.array_equal(single.images, triple.images)
    image = Image.open(root / "0100.png")
    Image.fromarray(255 - np.asarray(image)).save(root / "0100.png")
    assert import_dataset(root, tmp_path / "new", size="8", quiet=True, workers=1).fingerprint != single.fingerprint


def test_an_existing_dataset_is_not_overwritten(builtin_dataset: Dataset, tmp_path: Path) -> None:
    root = photos(tmp_path / "in", 1)
    with pytest.raises(FacesmithError, match="already exists"):
        import_dataset(root, builtin_dataset.path, quiet=True)
    assert len(open_dataset(builtin_dataset.path)) == 256


def test_a_full_disk_is_detected_before_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage())
    with pytest.raises(FacesmithError, match=r"needs 131\.9 MB, but its disk has only 60\.0 MB free"):
        import_dataset("builtin:2000", tmp_path / "out", size="128", quiet=True)


class _Usage:
    free = total = 60_000_000


FULL = """
import resource, sys
from facesmith.data.importer import import_dataset
from facesmith.errors import FacesmithError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    import_dataset(sys.argv[1], sys.argv[2], size="64", quiet=True, workers=1)
except FacesmithError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="uses a limit on file sizes")
def test_a_full_disk_is_reported_in_one_sentence(tmp_path: Path) -> None:
    root = photos(tmp_path / "in", 30)
    process = subprocess.run(
        [sys.executable, "-c", FULL, str(root), str(tmp_path / "out")], capture_output=True, text=True, check=True
    )
    assert "could not be written" in process.stdout
    assert process.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells turn off for what runs in the background
from facesmith.data.importer import import_dataset
import_dataset(sys.argv[1], sys.argv[2], size="256", workers=2, quiet=True)
"""


def begun(source: str, out: Path) -> "subprocess.Popen[str]":
    """Start an import in a process of its own and wait until its images are on their way."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, source, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    images = out.with_name(f".{out.name}.partial") / "images.npy"
    wait_for(lambda: process.poll() is not None or (images.exists() and images.stat().st_size > 1_000_000))
    assert process.poll() is None, process.communicate()
    return process


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="signals and processes as Linux has them")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_import_leaves_no_dataset_and_no_process(tmp_path: Path, end: signal.Signals) -> None:
    out = tmp_path / "out"
    process = begun("builtin:5000", out)
    workers = children(process.pid)
    assert len(workers) == 2
    process.send_signal(end)
    process.communicate(timeout=30)
    assert process.returncode != 0
    wait_for(lambda: not any(map(runs, workers)))
    with pytest.raises(FacesmithError, match="does not exist"):
        open_dataset(out)
    if end == signal.SIGKILL:
        with pytest.raises(FacesmithError, match="not a complete dataset"):
            open_dataset(tmp_path / ".out.partial")
    else:
        assert list(tmp_path.iterdir()) == []
    assert len(import_dataset("builtin:5", out, size="16", quiet=True, workers=1)) == 5  # the way is free again
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(sys.platform != "linux", reason="signals and processes as Linux has them")
def test_a_dead_worker_is_one_sentence(tmp_path: Path) -> None:
    process = begun("builtin:5000", tmp_path / "out")
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert errors.strip().splitlines()[-1].startswith("facesmith.errors.FacesmithError: a decoding process died")
    assert list(tmp_path.iterdir()) == []


def test_invalid_arguments_are_refused_before_any_write(tmp_path: Path) -> None:
    root = photos(tmp_path / "in", 2)
    for options, message in (
        ({"size": "x"}, "invalid size"),
        ({"crop": "x"}, "invalid crop"),
        ({"resize": "x"}, "invalid resize filter"),
        ({"workers": -1}, "workers -1"),
        ({"limit": 0}, "limit 0"),
        ({"where": "Smiling"}, "not an attribute"),
        ({"labels": tmp_path / "none.csv"}, r"none\.csv cannot be read"),
    ):
        with pytest.raises(FacesmithError, match=message):
            import_dataset(root, tmp_path / "out", quiet=True, **options)
    with pytest.raises(FacesmithError, match="has its own"):
        import_dataset("builtin:5", tmp_path / "out", labels=root, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_progress_is_shown_unless_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = photos(tmp_path / "in", 3)
    import_dataset(root, tmp_path / "out", size="8", workers=1)
    assert "importing" in capfd.readouterr().err


def test_an_interrupted_import_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = photos(tmp_path / "in", 40, side=64)
    (root / "0001.png").write_bytes(b"broken")
    options: dict[str, Any] = {"size": "256", "quiet": True, "workers": 1}
    whole = import_dataset(root, tmp_path / "whole", **options)
    monkeypatch.setattr(import_state, "SECONDS", 0.0)
    append, chunks = DatasetWriter.append, list[int]()

    def stop(writer: DatasetWriter, images: np.ndarray) -> None:
        append(writer, images)
        if writer.count > 20:
            raise KeyboardInterrupt

    def count(writer: DatasetWriter, images: np.ndarray) -> None:
        append(writer, images)
        chunks.append(len(images))

    out = tmp_path / "out"
    monkeypatch.setattr(DatasetWriter, "append", stop)
    with pytest.raises(KeyboardInterrupt):
        import_dataset(root, out, **options)
    assert not out.exists()
    with (tmp_path / ".out.partial" / import_state.STATE).open("a") as state:
        state.write('{"outc')  # of a process that was killed
    monkeypatch.setattr(DatasetWriter, "append", count)
    resumed = import_dataset(root, out, **options)
    assert 0 < sum(chunks) < 39
    assert resumed.fingerprint == whole.fingerprint
    assert np.array_equal(resumed.images, whole.images)
    assert resumed.card | {"created": ""} == whole.card | {"created": ""}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "whole"]
    # Another import under the name of an interrupted one starts over.
    monkeypatch.setattr(DatasetWriter, "append", stop)
    with pytest.raises(KeyboardInterrupt):
        import_dataset(root, tmp_path / "other", **options)
    monkeypatch.setattr(DatasetWriter, "append", append)
    assert len(import_dataset(root, tmp_path / "other", **options | {"limit": 3})) == 3


def test_parts_are_merged_to_the_whole(tmp_path: Path) -> None:
    root = photos(tmp_path / "in", 10)
    (root / "0004.png").write_bytes(b"broken")
    for number, model in ((2, "one"), (7, "two"), (8, "one")):
        marks = Marks(GENERATED, model=model, terms="any use")
        with Image.open(root / f"{number:04d}.png") as image:
            image.save(root / f"{number:04d}.png", **save_options(marks, "PNG"))
    options: dict[str, Any] = {"size": "8", "quiet": True, "workers": 1}
    whole = import_dataset(root, tmp_path / "whole", **options)
    parts = [import_dataset(root, tmp_path / f"{n}", shard=f"{n}/3", **options).path for n in (1, 2, 3)]
    merged = merge_datasets(parts[::-1], tmp_path / "merged", quiet=True)
    assert merged.fingerprint == whole.fingerprint
    assert merged.card | {"created": ""} == whole.card | {"created": ""}
    other = import_dataset(root, tmp_path / "x", shard="3/3", **options | {"size": 9})
    for wrong, reason in (
        (parts[:2], "parts 1 to 3, but got 1, 2"),
        ([whole.path], "complete dataset"),
        (
            [*parts[:2], other.path],
            "size differs",
        ),
    ):
        with pytest.raises(FacesmithError, match=reason):
            merge_datasets(wrong, tmp_path / "wrong", quiet=True)
    for shard in ("0/3", "4/3", "half"):
        with pytest.raises(FacesmithError, match="expected NUMBER/COUNT"):
            import_dataset(root, tmp_path / "wrong", shard=shard, **options)
