"""Which measurements of a run make a chart: the report and the studio draw the same ones."""

from dataclasses import dataclass

from facesmith.runs.run_files import RunFiles


@dataclass(frozen=True)
class Chart:
    """``columns`` maps a column of ``table`` to its name in the chart; ``smooth`` as `curves` takes it."""

    title: str
    ylabel: str
    columns: dict[str, str]
    table: str = "metrics"
    smooth: int | None = None
    limits: tuple[float, float] | None = None


_SHARE = (-0.02, 1.02)
CHARTS = {
    "losses": Chart("Losses", "loss", {"loss_D": "D", "loss_G": "G", "loss_E": "encoder", "loss_J": "classifier"}),
    "accuracies": Chart(
        "How often D is right",
        "share right",
        {"accuracy_real": "real faces called real", "accuracy_fake": "generated faces called generated"},
        limits=_SHARE,
    ),
    "judged": Chart(
        "How often the classifier is right",
        "share of the labels",
        {"accuracy": "faces it learns from"},
        limits=(0.5, 1.02),
    ),
    "held_out": Chart(
        "How often the classifier is right about held-out faces",
        "share of the labels",
        {"accuracy": "all attributes"},
        table="scores",
        smooth=1,
    ),
    "reconstruction": Chart("Reconstruction: lower is better", "difference of two pixels", {"pixel": "photos"}),
    "psnr": Chart("Reconstruction of held-out photos: higher is better", "PSNR, dB", {"psnr": "PSNR"}, "scores", 1),
    "latents": Chart("Latent error", "mean square error", {"latent": "of generated faces"}),
    "features": Chart("Difference in features", "share of the photo's", {"feature": "reconstructions"}),
    "moved": Chart(
        "How much of a picture changes",
        "share",
        {"moved": "mean change of 4x4 pixels", "mask": "mean of the mask"},
    ),
    "said": Chart(
        "Held-out faces with the target attributes, by the classifier",
        "share",
        {"target": "share"},
        "scores",
        1,
        _SHARE,
    ),
    "annealing": Chart(
        "The schedule",
        "share",
        {"annealing": "left of the way", "pixel_share": "the change in G's loss", "noise": "spread of the noise"},
        smooth=1,
    ),
    "learning_rate": Chart("Learning rate", "Adam's step size", {"learning_rate": "all networks"}, smooth=1),
    "diversity": Chart(
        "How different the faces are: real ones are at 1", "diversity", {"diversity": "generated faces"}, smooth=1
    ),
    # Few points, each of thousands of pictures: their average would hide the best.
    "kid": Chart("KID: lower is better", "KID", {"kid": "KID"}, table="scores", smooth=1),
    "fid": Chart("FID: lower is better", "FID", {"fid": "FID"}, table="scores", smooth=1),
    "turns": Chart("Steps in which D learned", "share of the steps", {"d_share": "D"}, limits=_SHARE),
    "gradients": Chart(
        "Gradient norms",
        "norm of all gradients",
        {"grad_D": "D", "grad_G": "G", "grad_E": "encoder", "grad_J": "classifier"},
    ),
    "speed": Chart("Speed", "images a second", {"images_per_second": "images a second"}, table="timing"),
}


def charts_of(run: RunFiles) -> dict[str, Chart]:
    """The charts for which the run has measured something, by name."""
    charts = {name: chart for name, chart in CHARTS.items() if set(chart.columns) & set(getattr(run, chart.table))}
    if "turns" in charts and (run.metrics["d_share"] == 1).all():  # D learned at every step
        del charts["turns"]
    return charts


def resumed_at(run: RunFiles) -> list[float]:
    """Return where sessions after the first began, in kimg."""
    sessions = [session for session in run.card.get("sessions") or [] if isinstance(session, dict)]
    return [
        float(session["from_kimg"]) for session in sessions[1:] if isinstance(session.get("from_kimg"), int | float)
    ]
