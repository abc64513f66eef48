"""The alert rules and the dashboard read metrics that the studio exports."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from facesmith.studio.services import create_services
from facesmith.studio.settings import Settings

MONITORING = Path(__file__).parent.parent / "deploy" / "studio" / "monitoring"
RULES = [
    rule for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """The labels of each exported sample, by its name."""
    services = create_services(Settings(paths=("drawn64",)))
    services.metrics.record_request("/api/v1/generate", "GET", 200, 0.01)
    services.metrics.faces.labels("drawn64").inc()
    labels: dict[str, set[str]] = {"up": {"job", "instance"}}
    for family in text_string_to_metric_families(services.metrics.text().decode()):
        for sample in family.samples:
            labels.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    return labels


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_exists(expression: str, exported: dict[str, set[str]]) -> None:
    names = re.findall(r"\b(?:facesmith|process)_\w+|\bup\b", expression)
    assert names
    assert set(names) <= set(exported), "metrics that the studio does not export"
    for name, selectors in re.findall(r"(\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)\s*(?:=|!)", selectors)) <= exported[name]


def test_every_exported_metric_is_on_the_dashboard(exported: dict[str, set[str]]) -> None:
    """A new metric needs a panel."""
    text = " ".join(EXPRESSIONS)
    ours = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exported if name.startswith("facesmith_")}
    assert {name for name in ours if name not in text} == set()


def test_rules_are_complete() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith(".")
    names: list[Any] = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


def test_panels_do_not_overlap() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
