"""The health of a run: four values, what each means for the next decision, and their history."""

from typing import Any

from facesmith.runs.json_lines import as_number, last_value
from facesmith.runs.run_data import RunData

HEALTHY = "healthy"
D_WINNING = "discriminator is winning"
MODE_COLLAPSE = "mode collapse"
DIVERGED = "diverged"

GRACE_KIMG = 15.0  # until then G may swing from one colour to the next, and its diversity says nothing
COLLAPSED = (MODE_COLLAPSE, DIVERGED)  # these are acted on; many runs recover from a winning D by themselves

MEANINGS = {
    HEALTHY: "no sign of mode collapse, and neither network dominates. Look at the newest sheet to judge the faces.",
    D_WINNING: "D has separated real from generated faces without error for hundreds of steps, so G learns little from "
    "it. Start a branch that trains D less often (--set d_schedule=ratio:2) or with a lower learning rate.",
    MODE_COLLAPSE: "the generated faces are becoming identical, and further training does not help. Use an earlier "
    "checkpoint, or branch from one with a lower learning rate.",
    DIVERGED: "the losses are not finite, or too large to learn from. Use an earlier checkpoint, or branch from one "
    "with a lower learning rate.",
}

_LOSSES_ONLY = {HEALTHY: "the losses are finite. This is the only check for networks without a discriminator."}
_MEANINGS_BY_TASK = {  # where the general meaning would be wrong
    "encoder": _LOSSES_ONLY,
    "classifier": _LOSSES_ONLY,
    "makeover": {
        D_WINNING: "D has separated real from changed faces without error for hundreds of steps, so G learns little "
        "from it. Start a branch with a lower learning rate.",
        MODE_COLLAPSE: "the changed faces are becoming identical, and further training does not help. Use an earlier "
        "checkpoint, or branch from one with a lower learning rate.",
    },
}


def meaning(health: str, task: str) -> str | None:
    """Return what a health value means in a run of this ``task``, or None for an unknown value."""
    return _MEANINGS_BY_TASK.get(task, {}).get(health) or MEANINGS.get(health)


def describe_health(run: RunData) -> str | None:
    """Return the newest health and its meaning; None for a run that did not record it."""
    if run.health is None:
        return None
    ended = run.card.get("status") in ("finished", "failed", "interrupted")
    task = str(run.recipe.get("task", "gan"))
    name, text = run.health, meaning(run.health, task)
    if run.health == HEALTHY and task in ("gan", "makeover") and _length_kimg(run) < GRACE_KIMG:
        name = "too early to judge"
        text = f"no problem so far, but mode collapse is not excluded: diversity is checked after {GRACE_KIMG:g} kimg."
    return f"Health{' at the end' if ended else ''}: \u201c{name}\u201d" + (f": {text}" if text else ".")


def describe_health_events(run: RunData) -> list[str]:
    """Return a sentence for each change of the health and for each rollback, in order."""
    sentences, rollbacks = [], 0
    events = _events(run)
    for event in events:
        if event["rollbacks"] > rollbacks:
            rollbacks = event["rollbacks"]
            sentences.append(_rollback(event))
        if event["health"] != HEALTHY:
            start = event["since"] / event["step"] * event["kimg"] if event["step"] else 0.0
            since = f", which began at {_kimg(start)}" if event["since"] < event["step"] else ""
            sentences.append(f"At {_kimg(event['kimg'])}: {event['health']}{since}.")
        elif sentences and not sentences[-1].startswith("Rollback"):
            sentences.append(f"At {_kimg(event['kimg'])} the run was healthy again.")
    for rollback in run.rollbacks:
        if rollback.number not in {event["rollbacks"] for event in events}:  # killed before the card was written
            position = f" at {_kimg(rollback.kimg)}" if rollback.kimg is not None else ""
            sentences.append(
                f"Rollback {rollback.number}: {rollback.health or 'a collapse'}{position} was rolled back."
            )
    if not sentences and run.health is not None:
        sentences.append("No problem was detected in the whole run.")
    return sentences


def rollback_targets(run: RunData) -> dict[int, float]:
    """Return the kimg that each rollback returned to, by its number."""
    kimg: dict[int, float] = {}
    for event in _events(run):
        if event["rollbacks"] > 0:
            kimg.setdefault(event["rollbacks"], event["kimg"])
    return kimg


def describe_best_score(run: RunData) -> str | None:
    """Return the best score and when it was measured; None without scores."""
    score, kimg = run.best.get("score"), run.best.get("kimg")
    if not isinstance(score, dict) or not isinstance(kimg, int | float):
        return None
    if "psnr" in score:
        return f"PSNR {score['psnr']:.2f} dB on held-out photos at {_kimg(kimg)}, higher is better"
    if "accuracy" in score:
        return f"{score['accuracy']:.2%} of held-out labels correct at {_kimg(kimg)}, higher is better"
    if "kid" not in score:
        return None
    spread = f" ± {score['kid_spread']:.2g}" if "kid_spread" in score else ""
    fid = f" (FID {score['fid']:.4g})" if "fid" in score else ""
    return f"KID {score['kid']:.4g}{spread}{fid} at {_kimg(kimg)}, lower is better"


def _rollback(event: dict[str, Any]) -> str:
    rate = f" and {event['lr_scale']:.3g} times the recipe's learning rate" if "lr_scale" in event else ""
    return f"Rollback {event['rollbacks']}: returned to {_kimg(event['kimg'])} and continued with new noise{rate}."


def _length_kimg(run: RunData) -> float:
    return max(as_number(run.card.get("kimg")) or 0.0, last_value(run.metrics, "kimg") or 0.0)


def _events(run: RunData) -> list[dict[str, Any]]:
    """Return the changes of the health. Events that a resumed session repeats count once."""
    events: list[dict[str, Any]] = []
    for event in run.card.get("health_events") or []:
        if isinstance(event, dict) and {"step", "kimg", "health", "since", "rollbacks"} <= set(event):
            while events and _position(events[-1]) >= _position(event):
                events.pop()
            events.append(event)
    return events


def _position(event: dict[str, Any]) -> tuple[int, int]:
    return event["rollbacks"], event["step"]


def _kimg(value: float) -> str:
    """Format a length: "28.8 kimg", with more digits below 10."""
    return f"{value:,.1f} kimg" if value >= 10 else f"{value:.3g} kimg"
