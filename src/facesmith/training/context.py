"""Everything the training loop needs and changes."""

from dataclasses import dataclass
from typing import Any

from facesmith.data.dataset import Dataset
from facesmith.runs.run_folder import RunFolder
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.settings import Recipe
from facesmith.training.task import Task
from facesmith.training.train_state import TrainState


@dataclass
class TrainingContext:
    """A run that is being trained. A rollback replaces ``state`` and ``progress``; ``card`` is written to run.json."""

    run: RunFolder
    recipe: Recipe
    dataset: Dataset
    task: Task[Any]
    state: TrainState
    progress: Progress
    card: dict[str, Any]
    group: ProcessGroup

    def write_card(self) -> None:
        progress = self.progress
        position = {"kimg": progress.kimg, "step": progress.step, "seconds": round(progress.seconds, 2)}
        if self.group.is_rank_zero:
            self.run.write_card(self.card | position)
