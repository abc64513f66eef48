"""What an evaluation found, with how it was measured: a score without its protocol can be compared with nothing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MEANINGS = {
    "fid": "0 is best; depends on the counts",
    "kid": "0 is best, and may fall just below it; comparable across counts",
    "precision": "share of generated faces that look like real ones",
    "recall": "share of real faces that the model could have made",
    "diversity": "1 is as varied as the real faces, 0 all alike",
}


DIVERSE = 0.5  # of the real faces' diversity: one blurred face for all can score better than many bad ones


def rank(score: Mapping[str, float]) -> tuple[bool, float]:
    """What the better of two scores is smaller in: KID, but a generator of faces that hardly differ comes last."""
    return score.get("diversity", 1.0) < DIVERSE, score["kid"]


@dataclass(frozen=True)
class Scores:
    """The scores of a model against a dataset.

    ``fid`` and ``kid`` (with ``kid_spread``, the standard deviation of its subsets; neither is multiplied by 1,000)
    are at best 0; ``precision`` and ``recall`` are shares; ``diversity`` is 1 where generated faces differ as much as
    real ones. ``protocol`` is all that decides these figures. ``memorisation`` is what was found where a second
    dataset was given.
    """

    fid: float
    kid: float
    kid_spread: float
    precision: float
    recall: float
    diversity: float
    protocol: dict[str, Any]
    memorisation: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """What scores.json and a model's card hold."""
        return asdict(self)

    def table(self) -> str:
        """Every figure and its protocol, for a terminal."""
        figures = _figures(self.as_json())
        lines = [f"{name:12} {value:>16}   {MEANINGS[key]}" for key, (name, value) in figures.items()]
        lines += ["", _protocol(self.protocol)]
        if self.memorisation:
            lines += ["", self.memorisation["sentence"]]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()


def scores_section(scores: list[dict[str, Any]]) -> str:
    """The same in Markdown for a model's README, of every evaluation in its model.json."""
    if not scores:
        return "None measured yet: `facesmith evaluate MODEL DATASET --save` measures and adds them.\n"
    parts = []
    for found in scores:
        rows = [f"| {name} | {value} | {MEANINGS[key]} |" for key, (name, value) in _figures(found).items()]
        parts.append("\n".join(["| score | value | what it says |", "|---|---|---|", *rows]))
        parts.append(_protocol(found["protocol"]))
        if found.get("memorisation"):
            parts.append(found["memorisation"]["sentence"])
    return "\n\n".join(parts) + "\n"


def with_scores(readme: str, card: dict[str, Any]) -> str:
    """Return a model's README with its Scores section replaced from ``card``; the rest is unchanged."""
    section = f"## Scores\n\n{scores_section(card.get('scores', []))}"
    before, heading, after = readme.partition("## Scores\n")
    if not heading:
        return f"{readme.rstrip()}\n\n{section}"
    _, next_heading, rest = after.partition("\n## ")
    return f"{before}{section}{next_heading}{rest}"


def same_protocol(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two evaluations measured the same thing, so that the later one takes the place of the earlier."""
    keys = ("features", "dataset", "split", "truncation")
    return all(a["protocol"].get(key) == b["protocol"].get(key) for key in keys)


def _figures(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        "fid": ("FID", f"{found['fid']:.2f}"),
        "kid": ("KID x1000", f"{found['kid'] * 1000:.2f} ± {found['kid_spread'] * 1000:.2f}"),
        "precision": ("precision", f"{found['precision']:.3f}"),
        "recall": ("recall", f"{found['recall']:.3f}"),
        "diversity": ("diversity", f"{found['diversity']:.3f}"),
    }


def _protocol(protocol: dict[str, Any]) -> str:
    """One paragraph that names everything the figures depend on."""
    width, height = protocol["size"]
    return (
        f"Measured with {protocol['features']} (weights {protocol['weights'][:12]}, {protocol['width']} features, "
        f"pictures {protocol['resize']}): {protocol['count']:,} generated faces of {width}x{height} (seed "
        f"{protocol['seed']}, truncation {protocol['truncation']:g}) against {protocol['count']:,} of "
        f"{protocol['dataset_count']:,} pictures of {protocol['dataset_name']} ({_split(protocol['split'])}, crop "
        f"{protocol['crop']}, {protocol['crop_resize']} resize, fingerprint {protocol['dataset'][:12]}); KID from "
        f"{protocol['kid_subsets']} subsets of {protocol['kid_subset_size']:,}, precision and recall with k = "
        f"{protocol['neighbours']}."
    )


def _split(split: str | None) -> str:
    return "every split" if split is None else f"split {split}"
