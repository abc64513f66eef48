from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tqdm import tqdm

from facesmith.progress import Bar
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.recorder import Recorder, open_recorder


@pytest.fixture
def context(tmp_path: Path) -> Any:
    progress = Progress(step=12_500, images_seen=400_000)
    return SimpleNamespace(
        run=RunFolder(tmp_path), recipe=GAN_RECIPES["tiny"], progress=progress, group=SINGLE_PROCESS, task=None
    )


def test_the_bar_of_a_resumed_run_does_not_count_earlier_images_as_its_speed(context: Any) -> None:
    clock: Any = SimpleNamespace(goal=1_000_000)
    with open_recorder(context, clock, show_bar=True) as recorder:
        assert recorder.bar.n == recorder.bar.format_dict["initial"] == 400_000


def test_the_bar_is_redrawn_after_a_rollback(context: Any) -> None:
    output, clock = StringIO(), cast(Any, None)
    bar: Bar
    with tqdm(total=1_000_000, file=output, mininterval=0, miniters=1) as bar:
        recorder = Recorder(context, clock, None, bar)
        context.progress = Progress(step=6_251, images_seen=200_000)
        recorder.reset()
        recorder.add({})
        assert "200032/1000000" in output.getvalue()
