"""Score a model against a dataset: FID, KID, precision, recall, diversity and memorisation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Floats
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import write_json
from facesmith.images.grid import save_image
from facesmith.metrics.features import DEFAULT, Network, network
from facesmith.metrics.fid import frechet_distance, gaussian, relative_spread
from facesmith.metrics.kid import SUBSETS, kid, subset_size
from facesmith.metrics.memorisation import NEAREST, memorisation
from facesmith.metrics.memorisation_sheet import ROWS, memorisation_sheet
from facesmith.metrics.precision_recall import NEIGHBOURS, precision_recall
from facesmith.metrics.reference import reference
from facesmith.metrics.scores import Scores, same_protocol, with_scores
from facesmith.models.folder import ModelFolder
from facesmith.models.model import Model, as_model
from facesmith.progress import progress
from facesmith.version import __version__

MIN_IMAGES = 8  # of each set: fewer have no third nearest neighbour and no subsets
RESULTS, SHEET = "scores.json", "memorisation.png"


def evaluate(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    *,
    count: int = 5000,
    features: str = DEFAULT,
    split: str | None = None,
    seed: int = 0,
    truncation: float = 1.0,
    against: str | Path | Dataset | None = None,
    out: str | Path | None = None,
    save: bool = False,
    quiet: bool = False,
) -> Scores:
    """Score ``count`` generated faces against as many real ones, or fewer if the dataset has fewer.

    ``features`` is "efficientnet-lite0", or "inception=PATH" with the weights of published FIDs. ``split`` compares
    with the "train", "valid" or "test" images only. ``seed`` draws the latents, the real images and KID's subsets;
    ``truncation`` is that of `Model.sample`. ``against`` is the model's training set: the nearest training faces of
    generated and of real faces are compared and drawn as a sheet.

    ``out`` is a folder for scores.json and, with ``against``, memorisation.png; they replace those of an earlier
    evaluation. ``save`` writes the scores into the model's model.json and README.md. The features of real images are
    cached in DATASET/features. Raises `FacesmithError` for images of another size, too few of them, an unknown split or
    feature network, and a missing package.
    """
    source = as_model(model)
    real = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    training = against if against is None or isinstance(against, Dataset) else open_dataset(against)
    folder = None if out is None else Path(out)
    _check(source, real, training, count, folder)
    if save and not isinstance(model, Model) and not Path(model).exists():
        raise FacesmithError(f"{model} is not a local folder, so scores cannot be saved in it: download it first")
    net = network(features)
    real_reference = reference(real, net, count=count, split=split, seed=seed, quiet=quiet)
    if len(real_reference.rows) < MIN_IMAGES:
        raise FacesmithError(f"{len(real_reference.rows)} images are too few: use at least {MIN_IMAGES}")
    training_reference = None if training is None else reference(training, net, quiet=quiet)
    generated_features = _features(source, net, len(real_reference.rows), seed, truncation, quiet)
    protocol = _protocol(source, real, net, len(real_reference.rows), split=split, seed=seed, truncation=truncation)
    scores = _scores(real_reference.features, generated_features, protocol)
    if training is not None and training_reference is not None and folder is not None:
        result = memorisation(
            generated_features, real_reference.features, real.images[real_reference.rows], training, training_reference
        )
        summary = {"dataset": training.fingerprint, "count": len(training), "share": result.share,
                "threshold": result.threshold, "sentence": result.sentence(training)}  # fmt: skip
        scores = replace(scores, memorisation=summary)
        generated = np.concatenate(
            [source.sample(1, seed, truncation=truncation, start=int(i)) for i in result.generated.first(ROWS)]
        )
        photos = real.images[real_reference.rows[result.real.first(ROWS)]]
        save_image(memorisation_sheet(result, generated, photos, training.images), folder / SHEET)
    if folder is not None:
        write_json(folder / RESULTS, scores.as_json())
    if save:
        _save(source.folder, scores)
    return scores


def _check(model: Model, real: Dataset, training: Dataset | None, count: int, out: Path | None) -> None:
    """Raise `FacesmithError` for invalid arguments, before anything is computed."""
    if count < MIN_IMAGES:
        raise FacesmithError(f"invalid count {count}: expected at least {MIN_IMAGES}")
    for dataset in (real, training):
        if dataset is not None and dataset.size != model.size:
            (width, height), (wide, high) = model.size, dataset.size
            raise FacesmithError(
                f"{model.name} generates {width}x{height} faces, but {dataset.path} contains {wide}x{high} images: "
                "import the photos again with the model's size and crop"
            )
    if training is not None and out is None:
        raise FacesmithError("a comparison with the training set writes a sheet: pass a folder with out")
    if training is not None and len(training) <= NEAREST:
        raise FacesmithError(
            f"{training.path} has {len(training)} images, too few for a comparison: use more than {NEAREST}"
        )
    if out is not None and out.exists() and not out.is_dir():
        raise FacesmithError(f"{out} is a file: choose a folder for the scores")


def _features(model: Model, net: Network, count: int, seed: int, truncation: float, quiet: bool) -> Floats:
    """Return features of the model's first ``count`` faces of a seed: count x width."""
    blocks = []
    with progress(count, "generated", shown=not quiet) as bar:
        for faces in model.stream(count, seed, truncation=truncation):
            blocks.append(net(faces))
            bar.update(len(faces))
    return np.concatenate(blocks)


def _scores(real: Floats, generated: Floats, protocol: dict[str, Any]) -> Scores:
    real_gaussian, generated_gaussian = gaussian(real), gaussian(generated)
    discrepancy, spread = kid(real, generated, protocol["seed"])
    precision, recall = precision_recall(real, generated)
    return Scores(
        fid=frechet_distance(real_gaussian, generated_gaussian),
        kid=discrepancy,
        kid_spread=spread,
        precision=precision,
        recall=recall,
        diversity=relative_spread(generated_gaussian, real_gaussian),
        protocol=protocol,
    )


def _protocol(model: Model, real: Dataset, net: Network, count: int, **choices: Any) -> dict[str, Any]:
    """Return everything that determines the scores."""
    return {
        "features": net.name,
        "weights": net.digest,
        "width": net.width,
        "resize": net.resize,
        "count": count,
        "size": list(real.size),
        **choices,
        "model": model.digest,
        "dataset": real.fingerprint,
        "dataset_name": real.name,
        "dataset_count": len(real),
        "crop": real.card["crop"],
        "crop_resize": real.card["resize"],
        "kid_subsets": SUBSETS,
        "kid_subset_size": subset_size(count),
        "neighbours": NEIGHBOURS,
        "facesmith": __version__,
    }


def _save(folder: ModelFolder, scores: Scores) -> None:
    """Add the scores to a model's card and README. They replace earlier ones of the same protocol."""
    card = folder.read_card()
    new = scores.as_json()
    card["scores"] = [*(old for old in card.get("scores", []) if not same_protocol(old, new)), new]
    folder.write_card(card)
    readme = folder.read_readme()
    if readme:
        folder.write_readme(with_scores(readme, card))
