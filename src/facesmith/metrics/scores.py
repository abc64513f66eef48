"""The scores of an evaluation, with their protocol: scores of different protocols cannot be compared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from facesmith.images.notebook import object_html
from facesmith.models.readme import replace_section

MEANINGS = {
    "fid": "0 is best; compare only values measured on equal numbers of images",
    "kid": "0 is best, slightly negative values are possible; comparable across numbers of images",
    "precision": "fraction of generated faces that look real",
    "recall": "fraction of real faces that the model can generate",
    "diversity": "1: as varied as real faces; 0: all faces alike",
}
MIN_DIVERSITY = 0.5  # relative to real faces: a single blurred face can have a better KID than many bad faces


def score_key(score: Mapping[str, float]) -> tuple[bool, float]:
    """Return a sort key, smaller for the better score: KID, with generators of low diversity last."""
    return score.get("diversity", 1.0) < MIN_DIVERSITY, score["kid"]


@dataclass(frozen=True)
class Scores:
    """The scores of a model against a dataset.

    ``fid`` and ``kid`` (with ``kid_spread``, the standard deviation of its subsets; neither is multiplied by 1,000) are
    best at 0; ``precision`` and ``recall`` are fractions; ``diversity`` is 1 if generated faces differ as much as real
    ones. ``protocol`` contains everything that determines these values. ``memorisation`` is the result of the
    comparison with a training set, if there was one.
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
        """Return the entry of scores.json and of a model's card."""
        return asdict(self)

    def table(self) -> str:
        """Return every score and the protocol as text for a terminal."""
        figures = _figures(self.as_json())
        lines = [f"{name:12} {value:>16}   {MEANINGS[key]}" for key, (name, value) in figures.items()]
        lines += ["", _protocol(self.protocol)]
        if self.memorisation:
            lines += ["", self.memorisation["sentence"]]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return every score with its meaning, and the protocol, for notebooks."""
        figures = _figures(self.as_json())
        facts = {name: f"{value} ({MEANINGS[key]})" for key, (name, value) in figures.items()}
        return object_html("Scores", facts | {"protocol": _protocol(self.protocol)})

    def __str__(self) -> str:
        return self.table()


def scores_section(scores: list[dict[str, Any]]) -> list[str]:
    """Return the scores of every evaluation as lines of Markdown for a model's README."""
    if not scores:
        return ["Not measured yet: `facesmith evaluate MODEL DATASET --save` adds them."]
    lines: list[str] = []
    for score in scores:
        lines += ["| score | value | meaning |", "|---|---|---|"]
        lines += [f"| {name} | {value} | {MEANINGS[key]} |" for key, (name, value) in _figures(score).items()]
        lines += ["", _protocol(score["protocol"]), ""]
        if score.get("memorisation"):
            lines += [score["memorisation"]["sentence"], ""]
    return lines[:-1]


def with_scores(readme: str, card: dict[str, Any]) -> str:
    """Return a model's README with its Scores section replaced from ``card``; the rest is unchanged."""
    return replace_section(readme, "Scores", scores_section(card.get("scores", [])))


def same_protocol(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Return whether two evaluations measured the same, so that the later one replaces the earlier."""
    keys = ("features", "dataset", "split", "truncation")
    return all(a["protocol"].get(key) == b["protocol"].get(key) for key in keys)


def _figures(score: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        "fid": ("FID", f"{score['fid']:.2f}"),
        "kid": ("KID x1000", f"{score['kid'] * 1000:.2f} ± {score['kid_spread'] * 1000:.2f}"),
        "precision": ("precision", f"{score['precision']:.3f}"),
        "recall": ("recall", f"{score['recall']:.3f}"),
        "diversity": ("diversity", f"{score['diversity']:.3f}"),
    }


def _protocol(protocol: dict[str, Any]) -> str:
    """Return one paragraph with everything the scores depend on."""
    return (
        f"Measured with {protocol['features']} (weights {protocol['weights'][:12]}, {protocol['width']} features, "
        f"images resized {protocol['resize']}): {_compared(protocol)} against {protocol['count']:,} of the "
        f"{protocol['dataset_count']:,} images from {protocol['dataset_name']} ({_split(protocol['split'])}, crop "
        f"{protocol['crop']}, {protocol['crop_resize']} resize, fingerprint {protocol['dataset'][:12]}); KID from "
        f"{protocol['kid_subsets']} subsets of {protocol['kid_subset_size']:,}, precision and recall with k = "
        f"{protocol['neighbours']}."
    )


def _compared(protocol: dict[str, Any]) -> str:
    """Return what was compared with the real images: faces of a model, or images of another dataset."""
    count, (width, height) = protocol["count"], protocol["size"]
    if "compared" in protocol:
        return (
            f"{count:,} of the {protocol['compared_count']:,} {width}x{height} images from {protocol['compared_name']} "
            f"(seed {protocol['seed']}, fingerprint {protocol['compared'][:12]})"
        )
    truncation = protocol["truncation"]
    return f"{count:,} generated faces of {width}x{height} (seed {protocol['seed']}, truncation {truncation:g})"


def _split(split: str | None) -> str:
    return "every split" if split is None else f"split {split}"
