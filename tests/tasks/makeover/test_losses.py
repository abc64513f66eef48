import pytest
import torch

from facesmith.data.dataset import Dataset
from facesmith.networks.classifier import ClassifierNetwork, Config, build
from facesmith.tasks.makeover.domains import find_domains, parse_directions
from facesmith.tasks.makeover.losses import (
    AttributeTargets,
    attribute_targets,
    change_outside,
    classifier_losses,
    mean_change,
    middle_features,
)


@pytest.fixture(scope="module")
def classifier() -> ClassifierNetwork:
    return build(Config((32, 32), 3, width=4, feature_size=8), seed=0).eval().requires_grad_(False)


@pytest.fixture
def faces() -> torch.Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_change_is_measured_on_4x4_means() -> None:
    black = -torch.ones(2, 3, 8, 8)
    assert float(mean_change(-black, black)) == 1
    assert float(mean_change(black + 0.5, black)) == 0.25
    grain = black.clone()
    grain[:, :, ::2], grain[:, :, 1::2] = -0.5, 0.5
    assert float(mean_change(grain, torch.zeros_like(black))) == 0, "what is smaller than a pool is free"


def test_attribute_targets_follow_from_the_labels(builtin_dataset: Dataset) -> None:
    attributes = ["Smiling", "Unheard_Of", "No_Beard"]
    domain = find_domains(builtin_dataset, parse_directions("Mouth_Slightly_Open > No_Beard")[0])
    targets = attribute_targets(attributes, builtin_dataset, [domain])
    labels = dict(zip(builtin_dataset.attributes, builtin_dataset.labels().T, strict=True))
    rates = [labels["Smiling"][rows].mean() for rows in (domain.sources, domain.targets)]
    assert targets.keep[0].tolist() == pytest.approx([1 - abs(rates[0] - rates[1]), 0, 0], abs=1e-6)
    assert targets.settled[0].tolist() == [0, 0, 1], "all target faces are so, and of the unheard-of nothing is known"
    assert targets.value[0, 2] == 1
    domain_without = find_domains(builtin_dataset, parse_directions("Mouth_Slightly_Open > ~Bald")[0])
    bald = attribute_targets(["Bald"], builtin_dataset, [domain, domain_without])
    assert bald.settled.tolist() == [[0], [1]]
    assert bald.value[1, 0] == 0


def test_an_unchanged_face_has_only_the_target_loss(classifier: ClassifierNetwork, faces: torch.Tensor) -> None:
    targets = AttributeTargets(
        torch.ones(2, 3), torch.tensor([[1.0, 0, 0], [0, 0, 0]]), torch.tensor([[1.0, 0, 0], [0, 0, 0]])
    )
    first, second = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    losses = classifier_losses(classifier, faces, faces, first, targets)
    assert float(losses["identity"]) == float(losses["attributes"]) == 0
    logits = middle_features(classifier, faces)[1]
    assert float(losses["target"]) == pytest.approx(float(-logits[:, 0].sigmoid().log().mean()), rel=1e-4)
    assert float(classifier_losses(classifier, faces, faces, second, targets)["target"]) == 0, (
        "nothing is settled there"
    )
    mirrored = classifier_losses(classifier, faces.flip(2), faces, first, targets)
    assert float(mirrored["identity"]) > 0.01
    drift = (middle_features(classifier, faces.flip(2))[1] - logits).square().mean()
    assert float(mirrored["attributes"]) == pytest.approx(float(drift), rel=1e-4)


def test_middle_features_lead_to_the_same_logits(classifier: ClassifierNetwork, faces: torch.Tensor) -> None:
    symmetric = (faces + faces.flip(3)) / 2  # a symmetric face, because the classifier may average both views
    grid, logits = middle_features(classifier, symmetric)
    assert grid.shape == (4, 16, 4, 4), "an eighth of the sides"
    assert torch.allclose(logits, classifier(symmetric)[0], atol=1e-4)


def test_gradients_reach_only_the_result(classifier: ClassifierNetwork, faces: torch.Tensor) -> None:
    results, originals = faces.flip(2).requires_grad_(), faces.clone().requires_grad_()
    targets = AttributeTargets(torch.ones(1, 3), torch.ones(1, 3), torch.ones(1, 3))
    losses = classifier_losses(classifier, results, originals, torch.zeros(4, dtype=torch.long), targets)
    torch.stack(list(losses.values())).sum().backward()
    assert results.grad is not None
    assert bool(results.grad.any())
    assert originals.grad is None


def test_change_outside_the_face_is_measured_there_only() -> None:
    before = torch.rand(2, 3, 8, 8) * 2 - 1
    beyond = torch.zeros(8, 8)
    beyond[:, 6:] = 1
    inside = before.clone()
    inside[..., :6] = -inside[..., :6]
    assert change_outside(inside, before, beyond) == 0
    assert torch.isclose(change_outside(before + 0.5, before, beyond), torch.tensor(0.25)), (
        "a quarter of black to white"
    )
    assert change_outside(before + 0.5, before, torch.zeros(8, 8)) == 0, "a crop may hold nothing but the face"
