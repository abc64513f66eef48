"""The health of a training: its four values, and the meaning of each for the next decision."""

HEALTHY = "healthy"
D_WINNING = "discriminator is winning"
MODE_COLLAPSE = "mode collapse"
DIVERGED = "diverged"

COLLAPSED = (MODE_COLLAPSE, DIVERGED)  # these are acted on; many runs recover from a winning D by themselves

MEANINGS = {
    HEALTHY: "the faces differ from each other, and neither network dominates.",
    D_WINNING: "D has told real from generated without error for hundreds of steps, so G learns little from it. Start "
    "a branch that trains D less often (--set d_schedule=ratio:2) or with a lower learning rate.",
    MODE_COLLAPSE: "the faces on the sample sheet are becoming the same, and further training does not help. Use an "
    "earlier checkpoint, or start a branch from one with a lower learning rate.",
    DIVERGED: "the losses are not finite, or too large to learn from. Use an earlier checkpoint, or start a branch "
    "from one with a lower learning rate.",
}

_LOSSES_ONLY = {HEALTHY: "the losses are finite, which is all that is checked where no discriminator is trained."}
_MEANINGS_BY_TASK = {  # where the general meaning would be wrong
    "encoder": _LOSSES_ONLY,
    "classifier": _LOSSES_ONLY,
    "makeover": {
        HEALTHY: "the changed faces differ from each other, and neither network dominates.",
        D_WINNING: "D has told real from changed faces without error for hundreds of steps, so G learns little from "
        "it. Start a branch with a lower learning rate.",
        MODE_COLLAPSE: "the changed faces are becoming the same, and further training does not help. Use an earlier "
        "checkpoint, or start a branch from one with a lower learning rate.",
    },
}


def meaning(health: str, task: str) -> str | None:
    """Return what a health value means in a training of this ``task``, or None for an unknown value."""
    return _MEANINGS_BY_TASK.get(task, {}).get(health) or MEANINGS.get(health)
