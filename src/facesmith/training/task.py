"""What the loop asks of a training: who learns, by which step, and what there is to look at, to say and to score."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic

from PIL import Image
from torch import Tensor

from facesmith import doctor
from facesmith.data.dataset import Dataset
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import Reader
from facesmith.training.settings import AnyRecipe
from facesmith.training.train_state import TrainState

SHEET_PIXELS = 64  # pictures smaller than this are enlarged by a whole number, so that a sheet can be looked at


class Task(ABC, Generic[AnyRecipe]):
    """One kind of training on one dataset, and the trained folders it builds on, ``pretrained``, by setting.

    It remembers nothing of how far the training is: that is all in `TrainState` and `Progress`, and every draw is a
    function of the recipe's seed and of `Progress`. So a run can be resumed, branched and rolled back.
    """

    names: ClassVar[dict[str, str]]  # what the networks that learn are called in words

    def __init__(self, recipe: AnyRecipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]) -> None:
        self.recipe, self.dataset, self.group, self.pretrained = recipe, dataset, group, pretrained
        self.device = doctor.choose_device(recipe.device)
        self.scale = max(1, SHEET_PIXELS // dataset.size[1])

    @property
    @abstractmethod
    def networks(self) -> Any:
        """What describes the networks: where it is the same, checkpoints fit."""

    @abstractmethod
    def fresh(self) -> TrainState:
        """TrainState that have learned nothing yet."""

    def facts(self) -> dict[str, Any]:
        """What the run's card holds of this kind of training, under "task"."""
        return {}

    @abstractmethod
    def prepare(self, read: Reader, say: Callable[[str], Any]) -> None:
        """Get ready for the steps of a session; ``read`` gives the dataset's pictures by their indices."""

    @abstractmethod
    def step(self, state: TrainState, now: AnyRecipe, progress: Progress) -> dict[str, Tensor]:
        """Learn from the next batch, by the settings that hold ``now``; returns what was measured.

        Scalars on the device, of which those that begin with ``loss_`` are what the watch calls losses. ``progress`` is
        that before the step; the loop counts.
        """

    def look(self, state: TrainState) -> dict[str, Tensor]:
        """What is measured every `Recipe.watch_steps` steps, because it costs more than a step's own figures."""
        return {}

    @abstractmethod
    def on_the_bar(self, means: dict[str, float]) -> str:
        """The newest figures, in half the width of a terminal."""

    @abstractmethod
    def sheet(self, state: TrainState) -> Image.Image:
        """The sample sheet: always of the same pictures or latents."""

    def pictures(self, state: TrainState) -> dict[str, Image.Image]:
        """What a run leaves beside its sheets when it ends, by the name of the file."""
        return {}

    def prepare_scores(self) -> None:
        """Load what scoring takes; raises `FacesmithError` where it cannot be had, and the run is not scored."""

    @abstractmethod
    def score(self, state: TrainState) -> dict[str, float]:
        """How good the averaged network is, on always the same pictures or latents."""

    @abstractmethod
    def rank(self, score: dict[str, float]) -> tuple[float, ...]:
        """What the better of two scores is smaller in."""
