"""The run folder: the paths of its files, and the only code that writes recipe.toml and run.json."""

import datetime
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesmith.data.dataset import Dataset
from facesmith.files import finished_files, printable, write_json, write_text
from facesmith.runs.checkpoints import kimg_name, list_checkpoints
from facesmith.runs.json_lines import cut_lines
from facesmith.runs.old_names import SETTINGS

FORMAT, VERSION, OLDEST_VERSION = "facesmith-run", 2, 1
CARD = "run.json"


@dataclass(frozen=True)
class RunFolder:
    """A run folder, which may not exist yet."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def card(self) -> Path:
        return self.path / CARD

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """The EMA with the best score."""
        return self.path / "best.safetensors"

    @property
    def samples(self) -> Path:
        """The folder of sample sheets, named by `kimg_name`."""
        return self.path / "samples"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        return self.path / "timing.jsonl"

    @property
    def scores(self) -> Path:
        return self.path / "scores.jsonl"

    @property
    def records(self) -> tuple[Path, ...]:
        """The JSON-lines files."""
        return self.metrics, self.timing, self.scores

    @property
    def rolled_back(self) -> Path:
        """Records and samples that rollbacks removed, a subfolder each."""
        return self.path / "rolled_back"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def video(self) -> Path:
        return self.path / "progress.mp4"

    @property
    def animation(self) -> Path:
        return self.path / "progress.gif"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def exists(self) -> bool:
        return self.recipe.is_file()

    def last_checkpoint(self) -> Path | None:
        return next(reversed(list_checkpoints(self.checkpoints)), None)

    def sample(self, kimg: float) -> Path:
        """Return the path of the sample sheet at this length."""
        return self.samples / f"{kimg_name(kimg)}.png"

    def samples_after(self, kimg: float) -> list[Path]:
        """Return the sample sheets of a greater length."""
        return [path for path in finished_files(self.samples, ".png") if path.stem > kimg_name(kimg)]

    def pretrained(self) -> dict[str, Path]:
        """Return the run's copies of the trained folders it builds on, by setting."""
        folders = (self.path / name for name in ("pretrained", "given"))  # version 0.1 called it given
        paths = (path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()))
        return {SETTINGS.get(path.stem, path.stem): path for path in paths}

    def create(
        self, recipe: Mapping[str, Any], dataset: Dataset, card: dict[str, Any], pretrained: dict[str, Path]
    ) -> None:
        """Write the files of a run that has not begun, with copies of the ``pretrained`` folders and files."""
        self.checkpoints.mkdir(parents=True)
        self.samples.mkdir()
        for name, path in pretrained.items():
            copy = self.path / "pretrained" / (name + path.suffix if path.is_file() else name)
            copy.parent.mkdir(exist_ok=True)
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, copy)
        self.write_recipe(recipe, dataset)
        self.write_card(card)

    def write_recipe(self, recipe: Mapping[str, Any], dataset: Dataset) -> None:
        """Write every setting of the recipe, resolved, and the dataset it is trained on."""
        trained_on = {
            "dataset": printable(str(dataset.path.resolve())),
            "dataset_name": dataset.name,
            "dataset_fingerprint": dataset.fingerprint,
            "count": len(dataset),
            "width": dataset.size[0],
            "height": dataset.size[1],
        }
        head = (
            "# The settings of this run. Do not edit them: facesmith refuses to resume a run whose settings were\n"
            "# changed here. Use the options of `facesmith train --resume` to change the length of the run.\n"
        )
        write_text(self.recipe, head + _toml("recipe", recipe) + "\n" + _toml("run", trained_on))

    def write_card(self, card: dict[str, Any]) -> None:
        write_json(self.card, {"format": FORMAT, "version": VERSION} | card)

    def cut(self, step: int, kimg: float, archive: Path | None = None) -> None:
        """Remove the lines and samples after ``step``, at ``kimg``, or move them to the folder ``archive``."""
        for record in self.records:
            cut_lines(record, step, archive / record.name if archive else None)
        for sample in self.samples_after(kimg):
            if archive:
                sample.replace(archive / sample.name)
            else:
                sample.unlink()

    def copy_to(self, branch: "RunFolder", checkpoint: Path) -> None:
        """Copy a checkpoint, and the records and samples up to it, into a new run."""
        shutil.copy2(checkpoint, branch.checkpoints)
        later = set(self.samples_after(float(checkpoint.stem)))
        for sample in finished_files(self.samples, ".png"):
            if sample not in later:
                shutil.copy2(sample, branch.samples)
        for record, copy in zip(self.records, branch.records, strict=True):
            if record.exists():
                shutil.copy2(record, copy)


def utc_now() -> str:
    """Return the time in ISO 8601, UTC, whole seconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _toml(table: str, values: Mapping[str, Any]) -> str:
    # The standard library reads TOML but does not write it; JSON's strings and numbers are valid TOML.
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    rows = (
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in values.items()
        if value is not None and key not in tables
    )
    return f"[{table}]\n" + "".join(rows) + "".join("\n" + _toml(f"{table}.{key}", tables[key]) for key in tables)
