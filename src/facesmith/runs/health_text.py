"""Sentences about a run's health, its rollbacks and its best score."""

from typing import Any

from facesmith.runs.health import HEALTHY, meaning
from facesmith.runs.run_files import RunFiles


def sentence(run: RunFiles) -> str | None:
    """Return the newest health and its meaning; None for a run that did not record it."""
    if run.health is None:
        return None
    ended = run.card.get("status") in ("finished", "failed", "interrupted")
    text = meaning(run.health, str(run.recipe.get("task", "gan")))
    return f"Health{' at the end' if ended else ''}: \u201c{run.health}\u201d" + (f": {text}" if text else ".")


def history(run: RunFiles) -> list[str]:
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
        sentences.append("From the first to the last line of the metrics, no problem was detected.")
    return sentences


def returns(run: RunFiles) -> dict[int, float]:
    """Return the kimg that each rollback returned to, by its number."""
    kimg: dict[int, float] = {}
    for event in _events(run):
        if event["rollbacks"] > 0:
            kimg.setdefault(event["rollbacks"], event["kimg"])
    return kimg


def best_score(run: RunFiles) -> str | None:
    """Return the best score and when it was measured; None without scores."""
    score, kimg = run.best.get("score"), run.best.get("kimg")
    if not isinstance(score, dict) or not isinstance(kimg, int | float):
        return None
    if "psnr" in score:
        return f"PSNR {score['psnr']:.2f} dB on held-out photos at {_kimg(kimg)}, higher is better"
    if "accuracy" in score:
        return f"{score['accuracy']:.2%} of the labels of held-out faces at {_kimg(kimg)}, higher is better"
    if "kid" not in score:
        return None
    spread = f" ± {score['kid_spread']:.2g}" if "kid_spread" in score else ""
    fid = f" (FID {score['fid']:.4g})" if "fid" in score else ""
    return f"KID {score['kid']:.4g}{spread}{fid} at {_kimg(kimg)}, lower is better"


def _rollback(event: dict[str, Any]) -> str:
    rate = f" and {event['lr_scale']:.3g} times the recipe's learning rate" if "lr_scale" in event else ""
    return f"Rollback {event['rollbacks']}: returned to {_kimg(event['kimg'])} and continued with new noise{rate}."


def _events(run: RunFiles) -> list[dict[str, Any]]:
    """Return the changes of the health. Events that a resumed session repeats count once."""
    events: list[dict[str, Any]] = []
    for event in run.card.get("health_events") or []:
        if isinstance(event, dict) and {"step", "kimg", "health", "since", "rollbacks"} <= set(event):
            while events and _place(events[-1]) >= _place(event):
                events.pop()
            events.append(event)
    return events


def _place(event: dict[str, Any]) -> tuple[int, int]:
    return event["rollbacks"], event["step"]


def _kimg(value: float) -> str:
    """Format a length: "28.8 kimg", with more digits below 10."""
    return f"{value:,.1f} kimg" if value >= 10 else f"{value:.3g} kimg"
