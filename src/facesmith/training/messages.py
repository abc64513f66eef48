"""The messages of a training on the terminal."""

from facesmith.runs.health import meaning
from facesmith.training.collapse import Health
from facesmith.training.context import TrainingContext


def announcement(context: TrainingContext, location: str, minutes: float | None) -> str:
    """Return what is about to be trained. ``location`` is where the images are read from: memory or disk."""
    recipe, data, processes = context.recipe, context.dataset, context.group.world_size
    resume_note = f", resumed at {context.progress.kimg:g} kimg" if context.progress.images_seen else ""
    previous = last_processes(context)
    if resume_note and previous != processes:
        resume_note += f" with {processes} process{'es' * (processes > 1)} instead of {previous}"
    networks = " and ".join(f"{name} {count:,}" for name, count in context.card["parameters"].items())
    group = f", {processes} processes" if processes > 1 else ""
    limit = f" or after {minutes:g} minutes, whichever is first" if minutes is not None else ""
    return (
        f"{recipe.name}: {recipe.about}{resume_note}\n"
        f"  data     {data.name}, {len(data):,} images of {'x'.join(map(str, data.size))}, read from {location}\n"
        f"  networks {networks} parameters\n"
        f"  machine  {recipe.device}, {recipe.threads} threads{group}, {recipe.precision}, {recipe.memory_format}\n"
        f"  ends     at {recipe.kimg:g} kimg ({recipe.kimg * 1000 / len(data):.1f} epochs){limit}\n"
        f"  samples  {context.run.samples}, a new sheet every {recipe.tick_kimg:g} kimg"
    )


def last_processes(context: TrainingContext) -> int:
    """Return the number of processes of the run's last session."""
    sessions = context.card["sessions"]
    return int(sessions[-1].get("processes", 1)) if sessions else context.group.world_size


def estimate(measurement: dict[str, float], images: float) -> str:
    """Return how long the remaining ``images`` take."""
    rate = measurement["images_per_second"]
    seconds = images / rate
    duration = f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
    return (
        f"measured {rate:.0f} images/s: {images / 1000:.0f} kimg will take about {duration}; "
        f"{measurement['memory_gb']:.1f} GB of memory"
    )


def health_change(context: TrainingContext, health: Health) -> str:
    """Return the new health and its meaning."""
    return f"at {context.progress.kimg:g} kimg: {health.status}: {meaning(health.status, context.recipe.task)}"


def rollback(context: TrainingContext) -> str:
    """Return where the run has rolled back to, and how it continues."""
    progress = context.progress
    return (
        f"rolled back to {progress.kimg:g} kimg; continuing with new noise and {progress.lr_scale:g} times the "
        f"learning rate (rollback {progress.rollbacks} of at most {context.recipe.rollbacks}; the removed records are "
        f"in {context.run.rolled_back})"
    )


def failure(context: TrainingContext, health: Health) -> str:
    """Return why training stopped, and what the user can do."""
    rollbacks = f" after {context.progress.rollbacks} rollbacks" if context.progress.rollbacks else ""
    return (
        f"{context.run.path} was stopped{rollbacks}: {health.status} since step {health.since}; continue from its last "
        f"checkpoint with --resume --branch NEW_RUN and a lower --set learning_rate"
    )
