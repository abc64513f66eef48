"""What the watch said of a run and what was done about it, and which of its models was the best, in words."""

from typing import Any

from facesmith.runs.health import HEALTHY, meaning
from facesmith.runs.run_files import RunFiles


def sentence(run: RunFiles) -> str | None:
    """The watch's newest verdict and its meaning; None for a run that had no watch."""
    if run.health is None:
        return None
    ended = run.card.get("status") in ("finished", "failed", "interrupted")
    means = meaning(run.health, str(run.recipe.get("task", "gan")))
    return f"The watch {'ended on' if ended else 'says'} \u201c{run.health}\u201d" + (f": {means}" if means else ".")


def history(run: RunFiles) -> list[str]:
    """A sentence for each change of the verdict and for each rollback, in the order in which they came."""
    sentences, rollbacks = [], 0
    told = _events(run)
    for event in told:
        if event["rollbacks"] > rollbacks:
            rollbacks = event["rollbacks"]
            sentences.append(_went_back(event))
        if event["health"] != HEALTHY:
            began = event["since"] / event["step"] * event["kimg"] if event["step"] else 0.0
            since = f", which began at {_kimg(began)}" if event["since"] < event["step"] else ""
            sentences.append(f"At {_kimg(event['kimg'])}: {event['health']}{since}.")
        elif sentences and not sentences[-1].startswith("Rollback"):
            sentences.append(f"At {_kimg(event['kimg'])} it was healthy again.")
    for undone in run.rollbacks:
        if undone.number not in {event["rollbacks"] for event in told}:  # a kill came before the card was written
            reached = f" at {_kimg(undone.kimg)}" if undone.kimg is not None else ""
            sentences.append(f"Rollback {undone.number}: {undone.health or 'a collapse'}{reached} was undone.")
    if not sentences and run.health is not None:
        sentences.append("From the first to the last line of the metrics, no problem was detected.")
    return sentences


def returns(run: RunFiles) -> dict[int, float]:
    """To which kimg each rollback went back, by its number."""
    found: dict[int, float] = {}
    for event in _events(run):
        if event["rollbacks"] > 0:
            found.setdefault(event["rollbacks"], event["kimg"])
    return found


def best_score(run: RunFiles) -> str | None:
    """The best score and when it was measured; None where there is no best model."""
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


def _went_back(event: dict[str, Any]) -> str:
    rate = f" and {event['lr_scale']:.3g} times the recipe's learning rate" if "lr_scale" in event else ""
    return f"Rollback {event['rollbacks']}: training went back to {_kimg(event['kimg'])}, and on with new noise{rate}."


def _events(run: RunFiles) -> list[dict[str, Any]]:
    """The changes of the verdict; what a killed session saw after the checkpoint it was resumed from counts once."""
    kept: list[dict[str, Any]] = []
    for event in run.card.get("health_events") or []:
        if isinstance(event, dict) and {"step", "kimg", "health", "since", "rollbacks"} <= set(event):
            while kept and _place(kept[-1]) >= _place(event):
                kept.pop()
            kept.append(event)
    return kept


def _place(event: dict[str, Any]) -> tuple[int, int]:
    return event["rollbacks"], event["step"]


def _kimg(value: float) -> str:
    """ "28.8 kimg", with more digits where a run is short."""
    return f"{value:,.1f} kimg" if value >= 10 else f"{value:.3g} kimg"
