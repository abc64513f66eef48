"""The four things the watch says of a training, and what they mean to someone who has to decide how to go on."""

HEALTHY = "healthy"
WINNING = "discriminator is winning"
ALIKE = "samples are becoming alike"
DIVERGED = "diverged"

COLLAPSED = (ALIKE, DIVERGED)  # what is acted upon: a winning D has come back from it in many a run

MEANINGS = {
    HEALTHY: "the faces differ from each other, and neither network has run away.",
    WINNING: "D has told real from generated without fail for hundreds of steps, and G learns little from it. Branch "
    "off with D learning less often (--set d_schedule=ratio:2) or with a lower learning rate.",
    ALIKE: "the faces of the sheet are growing into one another, and what training adds from here is lost. Take an "
    "earlier checkpoint, or branch off one with a lower learning rate.",
    DIVERGED: "the losses are no longer numbers, or so large that nothing can be learned from them. Take an earlier "
    "checkpoint, or branch off one with a lower learning rate.",
}

_UNPLAYED = {HEALTHY: "the losses are ordinary numbers, which is all that is watched where no game is played."}
_OTHERWISE = {  # by task: what the words above would get wrong
    "encoder": _UNPLAYED,
    "classifier": _UNPLAYED,
    "makeover": {
        HEALTHY: "faces that are made over still differ from each other, and neither network has run away.",
        WINNING: "D has told real from made over without fail for hundreds of steps, and G learns little from it. "
        "Branch off with a lower learning rate.",
        ALIKE: "faces that are made over are growing into one another, and what training adds from here is lost. Take "
        "an earlier checkpoint, or branch off one with a lower learning rate.",
    },
}


def meaning(verdict: str, task: str) -> str | None:
    """What a verdict means in a training of this ``task``; None for one that the watch does not give."""
    return _OTHERWISE.get(task, {}).get(verdict) or MEANINGS.get(verdict)
