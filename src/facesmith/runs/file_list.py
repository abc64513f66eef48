"""The purpose of each file of a run folder."""

from pathlib import Path

from facesmith.runs.charts import CHARTS
from facesmith.runs.run_folder import CARD

DESCRIPTIONS = {
    "report.html": "this report",
    "recipe.toml": "all settings",
    CARD: "status, times, sessions and machine",
    "metrics.jsonl": "losses, accuracies, diversity and health, one line a measurement",
    "timing.jsonl": "speed and memory, one line a measurement",
    "scores.jsonl": "scores, one line a measurement",
    **{f"{name}.png": f"chart: {chart.title.partition(' (')[0]}" for name, chart in CHARTS.items()},
    "real_beside_generated.png": "real faces beside generated ones",
    "progress.mp4": "film of the sample sheets",
    "progress.gif": "the same film as a GIF",
    "pretrained": "copies of the trained models that this training uses",
    "samples": "sample sheets, named by thousands of images",
    "checkpoints": "checkpoints, for resuming and exporting",
    "best.safetensors": "the model with the best score",
    "rolled_back": "measurements and sheets before each rollback, one folder each",
}


def describe_files(run: Path) -> dict[str, str]:
    """Return the files and folders that a run has, with their purpose."""
    return {name: text for name, text in DESCRIPTIONS.items() if name == "report.html" or (run / name).exists()}
