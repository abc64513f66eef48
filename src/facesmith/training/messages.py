"""What a training says on the terminal."""

from facesmith.runs.health import MEANINGS
from facesmith.training.collapse import Health
from facesmith.training.start import Start


def announcement(here: Start, kept_in: str, minutes: float | None) -> str:
    """What is about to happen, before it does."""
    recipe, data, size = here.recipe, here.dataset, "x".join(map(str, here.dataset.size))
    going_on = f", going on from {here.progress.kimg:g} kimg" if here.progress.images_seen else ""
    before, now = processes_before(here), here.group.world_size
    if going_on and before != now:
        going_on += f" with {now} process{'es' * (now > 1)} instead of {before}"
    ends = f"{recipe.kimg:g} kimg ({recipe.kimg * 1000 / len(data):.1f} epochs)"
    group = f", {here.group.world_size} processes" if here.group.world_size > 1 else ""
    networks = " and ".join(f"{name} {count:,}" for name, count in here.card["parameters"].items())
    return (
        f"{recipe.name}: {recipe.about}{going_on}\n"
        f"  data     {data.name}, {len(data):,} pictures of {size}, read from {kept_in}\n"
        f"  networks {networks} parameters\n"
        f"  machine  {recipe.device}, {recipe.threads} threads{group}, {recipe.precision}, {recipe.memory_format}\n"
        f"  ends     at {ends}"
        + (f" or after {minutes:g} minutes, whichever is first" if minutes is not None else "")
        + f"\n  look at  {here.run.samples} while it runs, one sheet every {recipe.tick_kimg:g} kimg"
    )


def processes_before(here: Start) -> int:
    """How many processes the run's last session had."""
    return int(here.card["sessions"][-1].get("processes", 1)) if here.card["sessions"] else here.group.world_size


def estimate(measured: dict[str, float], pictures_left: int, seconds_left: float) -> str:
    """How long it will take, once the first steps are timed."""
    rate = measured["images_per_second"]
    seconds = min(pictures_left / rate, seconds_left)
    length = f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
    return (
        f"measured here: {rate:.0f} images/s, so {seconds * rate / 1000:.0f} kimg in about {length}; "
        f"{measured['memory_gb']:.1f} GB of memory"
    )


def note(here: Start, health: Health) -> str:
    """That the verdict has changed."""
    return f"at {here.progress.kimg:g} kimg: {health.status}: {MEANINGS[health.status]}"


def rolled_back(here: Start) -> str:
    """That the run has gone back, and how it goes on."""
    progress = here.progress
    return (
        f"back to {progress.kimg:g} kimg with new noise and {progress.lr_scale:g} times the learning rate "
        f"(rollback {progress.rollbacks} of at most {here.recipe.rollbacks}; what was undone: {here.run.rolled_back})"
    )


def given_up(here: Start, health: Health) -> str:
    """Why a collapsed run ends here, and what its user can do."""
    tried = f" after {here.progress.rollbacks} rollbacks" if here.progress.rollbacks else ""
    return (
        f"{here.run.path} was stopped{tried}: {health.status} since step {health.since}; continue from its last "
        f"checkpoint with --resume --branch NEW_RUN and a lower --set learning_rate"
    )
