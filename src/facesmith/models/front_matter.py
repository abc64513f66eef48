"""The YAML at the start of a model's README.md, which the Hugging Face hub reads. JSON values are valid YAML."""

import json
import re
from collections.abc import Mapping
from typing import Any

from facesmith.terms import licence_fields

PIPELINES = {
    "generator": "unconditional-image-generation",
    "classifier": "image-classification",
    "makeover": "image-to-image",
}
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)


def strip_front_matter(text: str) -> str:
    """Return a README without its front matter."""
    return _FRONT_MATTER.sub("", text)


def add_front_matter(text: str, fields: Mapping[str, Any]) -> str:
    """Return a README with these fields as its front matter, in place of an earlier one."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return "\n".join(["---", *lines, "---", "", strip_front_matter(text)])


def model_fields(kind: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the front matter of a model of a kind: licence, tags, library, task, and scores as model-index."""
    source = card["dataset"]["source"]
    tags = ["facesmith", "faces", "onnx", "gan" if kind == "generator" else kind, card["network"].get("family")]
    fields: dict[str, Any] = {
        **licence_fields(card["terms"]),
        "library_name": "facesmith",
        "pipeline_tag": PIPELINES[kind],
        "tags": [tag for tag in tags if tag],
    }
    if source["kind"] == "hub":
        fields["datasets"] = [source["name"]]
    results = _results(kind, card)
    return fields | ({"model-index": [{"name": card["name"], "results": results}]} if results else {})


def _results(kind: str, card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scores of a card as results of a model-index."""
    task = {"type": PIPELINES[kind]}
    if kind == "classifier" and card.get("trained", {}).get("score"):
        accuracy = {"type": "accuracy", "value": card["trained"]["score"]["accuracy"], "name": "held-out accuracy"}
        return [{"task": task, "dataset": _dataset(card["dataset"]["name"]), "metrics": [accuracy]}]
    results = []
    for score in card.get("scores", []):
        protocol = score["protocol"]
        suffix = f"{protocol['features']}, {protocol['count']:,} faces"
        metrics = [
            {"type": key, "value": score[key], "name": f"{key} ({suffix})"}
            for key in ("fid", "kid", "precision", "recall", "diversity")
        ]
        results.append({"task": task, "dataset": _dataset(protocol["dataset_name"]), "metrics": metrics})
    return results


def _dataset(name: str) -> dict[str, str]:
    return {"name": name, "type": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "dataset"}
