"""What an evaluation compares: the faces of a model, the images of a dataset, or those of a folder of photos."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from facesmith.arrays import Floats, Images, Integers
from facesmith.data.dataset import CARD, Dataset, open_dataset
from facesmith.data.importer import import_dataset
from facesmith.errors import FacesmithError
from facesmith.images.decode import SUFFIXES
from facesmith.images.provenance import Marks, joint_marks
from facesmith.metrics.features import Network
from facesmith.metrics.reference import choose, reference
from facesmith.models.folder import MODEL_CARDS
from facesmith.models.model import Model, load
from facesmith.progress import progress


@dataclass(frozen=True, eq=False)
class ImageSet:
    """The first ``count`` faces of a seed of a model, or ``count`` images that the seed draws from a dataset."""

    source: Model | Dataset
    count: int
    seed: int
    truncation: float

    @property
    def sheet_marks(self) -> Marks | None:
        """The marks of a sheet that shows images of the set beside photos."""
        if isinstance(self.source, Dataset):
            return joint_marks([self.source.marks, None])
        return self.source.edit_marks([None])

    def features(self, net: Network, quiet: bool) -> Floats:
        """Return the features of the images: count x width."""
        if isinstance(self.source, Dataset):
            return reference(self.source, net, count=self.count, seed=self.seed, quiet=quiet).features
        blocks = []
        with progress(self.count, "generated", shown=not quiet) as bar:
            for faces in self.source.stream(self.count, self.seed, truncation=self.truncation):
                blocks.append(net(faces))
                bar.update(len(faces))
        return np.concatenate(blocks)

    def all_images(self) -> Images:
        """Return all images of the set."""
        if isinstance(self.source, Dataset):
            return self.images(np.arange(self.count))
        return np.concatenate(list(self.source.stream(self.count, self.seed, truncation=self.truncation)))

    def images(self, indices: Integers) -> Images:
        """Return some of the images, by their indices in the set."""
        if isinstance(self.source, Dataset):
            return np.asarray(self.source.images[choose(self.source, self.count, None, self.seed)[indices]])
        sample = self.source.sample
        faces = [sample(1, self.seed, truncation=self.truncation, start=int(index)) for index in indices]
        return np.concatenate(faces)

    def protocol(self) -> dict[str, Any]:
        """Return what determines the images, for the protocol of scores."""
        if isinstance(self.source, Dataset):
            facts = {"compared": self.source.fingerprint, "compared_name": self.source.name}
            return facts | {"compared_count": len(self.source)}
        return {"model": self.source.digest, "truncation": self.truncation}


@contextmanager
def open_sets(first: str | Path | Model | Dataset, second: str | Path | Dataset) -> Iterator[tuple[Any, Dataset]]:
    """Yield two opened sets: a `Model` or a `Dataset`, and a `Dataset`.

    A folder of photos is imported into a temporary dataset in the size of the other set, or of its first image if the
    other is one, too: images of that size keep their pixels. Others are cropped to fit.
    """
    with TemporaryDirectory(prefix="facesmith-") as folder:
        opened = [_open(first, allow_model=True), _open(second, allow_model=False)]
        size = next((source.size for source in opened if not isinstance(source, Path)), None)
        for index, source in enumerate(opened):
            if isinstance(source, Path):
                size = size or _first_size(source)
                opened[index] = _import(source, Path(folder) / str(index), size)
        yield opened[0], opened[1]


def _open(source: Any, allow_model: bool) -> Any:
    """Open a model or a dataset; return the path of a folder of photos."""
    if isinstance(source, Model | Dataset):
        return source
    path = Path(source)
    if not path.is_dir() or any((path / card).is_file() for card in MODEL_CARDS):
        return load(source) if allow_model else open_dataset(path)
    return open_dataset(path) if (path / CARD).is_file() else path


def _first_size(folder: Path) -> tuple[int, int]:
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)
    first = next(paths, None)
    if first is None:
        raise FacesmithError(f"{folder} contains no photos: pass a model, a dataset or a folder of photos")
    with Image.open(first) as image:
        return image.size


def _import(folder: Path, target: Path, size: tuple[int, int]) -> Dataset:
    return import_dataset(folder, target, size="{}x{}".format(*size), name=folder.resolve().name, quiet=True)
