"""Score a model against a dataset: FID, KID, precision, recall, diversity and memorisation."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from facesmith.arrays import Floats
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import updated_folder, write_json
from facesmith.images.grid import save_image
from facesmith.metrics.features import DEFAULT, Network, network
from facesmith.metrics.fid import frechet_distance, gaussian, relative_spread
from facesmith.metrics.image_sets import ImageSet, open_sets
from facesmith.metrics.kid import SUBSETS, kid, subset_size
from facesmith.metrics.memorisation import NEAREST, memorisation
from facesmith.metrics.memorisation_sheet import ROWS, memorisation_sheet
from facesmith.metrics.precision_recall import NEIGHBOURS, precision_recall
from facesmith.metrics.reference import reference
from facesmith.metrics.scores import Scores, same_protocol, with_scores
from facesmith.models.folder import ModelFolder
from facesmith.models.model import Model, check_draw
from facesmith.version import __version__

MIN_IMAGES = 8  # of each set: fewer have no third nearest neighbour and no subsets
RESULTS, SHEET = "scores.json", "memorisation.png"


def evaluate(
    model: str | Path | Model | Dataset,
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
    """Score ``count`` generated faces against the same number of real faces, or fewer if the dataset has fewer.

    Pass a dataset or a folder of photos instead of a model to score its images, selected by ``seed``. ``dataset`` can
    also be a folder of photos; see `open_sets` for how such folders are read.

    ``features`` is "efficientnet-lite0", or "inception=PATH" with the weights of published FIDs. ``split`` compares
    with the "train", "valid" or "test" images only. ``seed`` selects the latents, the real images and KID's subsets;
    ``truncation`` is that of `Model.sample`. ``against`` is the model's training set: the nearest training faces of
    generated and of real faces are compared and drawn as a sheet.

    ``out`` is a folder for scores.json and, with ``against``, memorisation.png; they replace those of an earlier
    evaluation. ``save`` writes the scores into the model's model.json and README.md. The features of real images are
    cached in DATASET/features. Raises `FacesmithError` for images of a different size, too few of them, an unknown
    split or feature network, and a missing package.
    """
    if count < MIN_IMAGES:
        raise FacesmithError(f"invalid count {count}: expected at least {MIN_IMAGES}")
    check_draw(count, seed, 0, truncation)
    folder = None if out is None else Path(out)
    training = against if against is None or isinstance(against, Dataset) else open_dataset(against)
    with open_sets(model, dataset) as (source, real):
        _check(source, real, training, folder)
        is_local = isinstance(source, Model) and (isinstance(model, Model) or Path(str(model)).exists())
        if save and not is_local:
            raise FacesmithError(f"{model} is not a model folder, so scores cannot be saved in it: omit save")
        if isinstance(source, Dataset):
            count = min(count, len(source))
        with nullcontext() if folder is None else updated_folder(folder) as target:
            net = network(features)
            real_reference = reference(real, net, count=count, split=split, seed=seed, quiet=quiet)
            count = len(real_reference.rows)
            if count < MIN_IMAGES:
                raise FacesmithError(
                    f"a comparison requires at least {MIN_IMAGES} images, not {count}: use a larger dataset or split"
                )
            compared = ImageSet(source, count, seed, truncation)
            compared_features = compared.features(net, quiet)
            protocol = _protocol(compared, real, net, split=split, seed=seed)
            scores = _scores(real_reference.features, compared_features, protocol)
            if training is not None and target is not None:
                photos = real.images[real_reference.rows]
                training_reference = reference(training, net, quiet=quiet)
                result = memorisation(compared_features, real_reference.features, photos, training, training_reference)
                generated = compared.images(result.generated.first(ROWS))
                sheet = memorisation_sheet(result, generated, photos[result.real.first(ROWS)], training.images)
                save_image(sheet, target / SHEET, compared.sheet_marks)
                scores = replace(scores, memorisation=result.as_json(training))
            if target is not None:
                write_json(target / RESULTS, scores.as_json())
    if save:
        _save(source.folder, scores)
    return scores


def _check(source: Model | Dataset, real: Dataset, training: Dataset | None, out: Path | None) -> None:
    """Raise `FacesmithError` for sets that cannot be compared, before anything is computed."""
    for dataset in (real, training):
        if dataset is not None and dataset.size != source.size:
            (width, height), (wide, high) = source.size, dataset.size
            verb = "contains" if isinstance(source, Dataset) else "generates"
            raise FacesmithError(
                f"{source.name} {verb} {width}x{height} faces, but {dataset.path} contains {wide}x{high} images: "
                "import the photos again with the same size and crop"
            )
    if training is not None and out is None:
        raise FacesmithError("a comparison with the training set requires a folder for its sheet: pass out")
    if training is not None and len(training) <= NEAREST:
        raise FacesmithError(
            f"{training.path} has {len(training)} images, which are too few for a comparison: use more than {NEAREST}"
        )
    if out is not None and out.exists() and not out.is_dir():
        raise FacesmithError(f"{out} is a file: choose a folder for the scores")


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


def _protocol(compared: ImageSet, real: Dataset, net: Network, **choices: Any) -> dict[str, Any]:
    """Return everything that determines the scores."""
    return {
        "features": net.name,
        "weights": net.digest,
        "width": net.width,
        "resize": net.resize,
        "count": compared.count,
        "size": list(real.size),
        **choices,
        **compared.protocol(),
        "dataset": real.fingerprint,
        "dataset_name": real.name,
        "dataset_count": len(real),
        "crop": real.card["crop"],
        "crop_resize": real.card["resize"],
        "kid_subsets": SUBSETS,
        "kid_subset_size": subset_size(compared.count),
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
