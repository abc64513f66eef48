from pathlib import Path

import pytest

import facesmith.tasks.train


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the video and the report at the end of a training, which take longer than a few steps."""
    monkeypatch.setattr(facesmith.tasks.train, "write_final_images", lambda context: None)
    monkeypatch.setattr(facesmith.tasks.train, "report", lambda run: Path(run) / "report.html")
