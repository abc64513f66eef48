"""The interface of a training task: networks, step, samples and scores."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Generic

from PIL import Image
from torch import Tensor

from facesmith.arrays import Integers
from facesmith.data.dataset import Dataset
from facesmith.images.pixels import to_float
from facesmith.images.provenance import Marks
from facesmith.machine import choose_device
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import Reader
from facesmith.training.settings import AnyRecipe
from facesmith.training.train_state import TrainState

BLOCK = 64  # images evaluated at a time
MIN_SHEET_HEIGHT = 64  # smaller images are enlarged on a sample sheet, by a whole number


class Task(ABC, Generic[AnyRecipe]):
    """One kind of training on one dataset, and the trained folders it builds on, ``pretrained``, by setting.

    A task has no training state: that is in `TrainState` and `Progress`, and every random draw is a function of the
    recipe's seed and of `Progress`. So a run can be resumed, branched and rolled back.
    """

    names: ClassVar[dict[str, str]]  # display names of the trained networks: {"G": "generator"}
    sheet_type: ClassVar[str] = ""  # the digital source type of its sheets; "" for sheets that show only the dataset

    def __init__(self, recipe: AnyRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]) -> None:
        self.recipe, self.dataset, self.group, self.pretrained = recipe, dataset, group, pretrained
        self.terms = dataset.terms  # of the trained networks
        self.device = choose_device(recipe.device)
        self.batch_part = group.local_batch(recipe.batch_size)  # of each batch, this process's images
        self.scale = max(1, MIN_SHEET_HEIGHT // dataset.size[1])

    @property
    def marks(self) -> Marks | None:
        """The marks of its sample sheets and videos, without the digest of a model, which changes."""
        return Marks(self.sheet_type, self.recipe.name, terms=self.terms) if self.sheet_type else None

    @property
    @abstractmethod
    def networks(self) -> Any:
        """The description of the networks: where it is equal, a checkpoint can be loaded."""

    @abstractmethod
    def new_state(self) -> TrainState:
        """Return the state at step 0."""

    def card_entries(self) -> dict[str, Any]:
        """Return what run.json has under "task"."""
        return {}

    def prepare(self, read: Reader, notify: Callable[[str], Any]) -> None:
        """Prepare the steps of a session; ``read`` returns the dataset's images by index."""
        self.read = read

    def read_blocks(self, indices: Integers) -> Iterator[Tensor]:
        """Yield the images of ``indices`` in blocks that networks can evaluate: N x 3 x H x W in [-1, 1]."""
        for start in range(0, len(indices), BLOCK):
            yield to_float(self.read(indices[start : start + BLOCK]))

    @abstractmethod
    def step(self, state: TrainState, recipe: AnyRecipe, progress: Progress) -> dict[str, Tensor]:
        """Train on the next batch with the scheduled settings of ``recipe``. Returns the measurements.

        They are scalars on the device; the losses, which must stay finite, have names that begin with ``loss_``.
        ``progress`` is that before the step; the loop counts the step.
        """

    def occasional_metrics(self, state: TrainState) -> dict[str, Tensor]:
        """Return measurements that are too expensive for every step: every ``watch_steps`` steps."""
        return {}

    @abstractmethod
    def progress_text(self, means: dict[str, float]) -> str:
        """Return the newest metrics for the progress bar, in half the width of a terminal."""

    @abstractmethod
    def sample_sheet(self, state: TrainState) -> Image.Image:
        """Return the sample sheet, always of the same images or latents."""

    def final_images(self, state: TrainState) -> dict[str, Image.Image]:
        """Return images to write at the end of a run, by file name."""
        return {}

    def check_scores(self) -> None:
        """Raise `FacesmithError` if a package that scoring needs is missing. Loads nothing."""

    def prepare_scores(self) -> None:
        """Load what scoring needs. Raises `FacesmithError` if it is not available; then the run is not scored."""

    @abstractmethod
    def score(self, state: TrainState) -> dict[str, float]:
        """Return the scores of the EMA, always on the same images or latents."""

    @abstractmethod
    def score_key(self, score: dict[str, float]) -> tuple[float, ...]:
        """Return a sort key of a score: the better of two has the smaller key."""
