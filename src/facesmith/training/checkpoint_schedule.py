"""When a run's checkpoints are written."""

from facesmith.training.checkpoint import is_finite, save
from facesmith.training.context import TrainingContext
from facesmith.training.recorder import Recorder
from facesmith.training.sampling import next_due


class CheckpointSchedule:
    """Writes a checkpoint every ``checkpoint_kimg``, and at the end."""

    def __init__(self, context: TrainingContext, recorder: Recorder) -> None:
        self.context, self.recorder = context, recorder
        self.reset()

    def reset(self) -> None:
        """Continue from the context's progress, at the start and after a rollback."""
        self._next = next_due(self.context.recipe.checkpoint_kimg, self.context.progress.images_seen)

    def save_if_due(self) -> None:
        """Save unless a weight is not finite: then the next line of the metrics reports the divergence."""
        if self.context.progress.images_seen >= self._next:
            self.save()
            self.reset()

    def save(self) -> bool:
        """Save a checkpoint. Returns whether all weights are finite; otherwise nothing is written."""
        context = self.context
        self.recorder.flush()
        finite = is_finite(context.state)
        if finite and context.group.is_rank_zero:
            save(context.run, context.state, context.progress, context.recipe.keep)
        return finite
