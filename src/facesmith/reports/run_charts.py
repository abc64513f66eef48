"""The charts of a run: losses, accuracies and speed over the images shown."""

import numpy as np

from facesmith.reports.curves import curves
from facesmith.reports.run_files import RunFiles

CHARTS = {
    "losses": ("Losses", "loss"),
    "accuracies": ("How often D is right", "share right"),
    "speed": ("Speed", "images a second"),
}


def draw_charts(run: RunFiles) -> dict[str, bytes]:
    """PNG charts of what a run has measured so far, by the names in `CHARTS`."""
    names = {
        "losses": {"loss_D": "D", "loss_G": "G"},
        "accuracies": {"accuracy_real": "real faces called real", "accuracy_fake": "generated faces called generated"},
        "speed": {"images_per_second": "images a second"},
    }
    marks = resumed_at(run)
    drawn = {}
    for chart, (title, ylabel) in CHARTS.items():
        table = run.timing if chart == "speed" else run.metrics
        series = {
            label: (table.get("kimg", np.arange(len(table[key]))), table[key])
            for key, label in names[chart].items()
            if key in table
        }
        if series:
            limits = (-0.02, 1.02) if chart == "accuracies" else None
            drawn[chart] = curves(
                series, title, "kimg: thousand real images shown", ylabel, ylimits=limits, marks=marks
            )
    return drawn


def resumed_at(run: RunFiles) -> list[float]:
    """Where sessions after the first began, in kimg."""
    sessions = [one for one in run.card.get("sessions") or [] if isinstance(one, dict)]
    return [float(one["from_kimg"]) for one in sessions[1:] if isinstance(one.get("from_kimg"), int | float)]
