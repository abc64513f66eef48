from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facesmith.errors import FacesmithError
from facesmith.runs.checkpoints import SUFFIX, list_checkpoints
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.train_state import TrainState

RECIPE = GAN_RECIPES["tiny"].with_values(generator_width=4, discriminator_width=4, device="cpu", precision="bfloat16",
    memory_format="channels_last", batch_size=4,
)  # fmt: skip


def trained(steps: int, seed: int = 0) -> TrainState:
    state = new_state(replace(RECIPE, seed=seed), (16, 16), torch.device("cpu"))
    go_on(state, 0, steps)
    return state


def nets(state: TrainState) -> dict[str, torch.nn.Module]:
    return {**state.nets, "average": state.ema}


def go_on(state: TrainState, first: int, last: int) -> None:
    for step in range(first, last):
        rng = torch.Generator().manual_seed(step)
        real, z = torch.randn(4, 3, 16, 16, generator=rng), torch.randn(4, 64, generator=rng)
        train_step(state, real, z, RECIPE, step, 4 * step)


def test_loaded_checkpoint_continues_exactly(tmp_path: Path) -> None:
    unbroken = trained(3)
    path = checkpoint.save(RunFolder(tmp_path), unbroken, Progress(3, 12, 1.5, {"loss_D": [2.0, 3]}), keep=3)
    go_on(unbroken, 3, 6)
    loaded = trained(0, seed=9)
    assert checkpoint.load(path, loaded) == Progress(3, 12, 1.5, {"loss_D": [2.0, 3]})
    go_on(loaded, 3, 6)
    for name in ("G", "D", "average"):
        a, b = nets(unbroken)[name].state_dict(), nets(loaded)[name].state_dict()
        assert all(torch.equal(a[key], b[key]) for key in a), name


def test_save_keeps_newest_checkpoints_and_milestones(tmp_path: Path) -> None:
    state = trained(0)
    for images_seen in range(1000, 33000, 1000):
        checkpoint.save(RunFolder(tmp_path), state, Progress(images_seen=images_seen), keep=2)
    lengths = [float(path.name.removesuffix(SUFFIX)) for path in list_checkpoints(tmp_path / "checkpoints")]
    assert lengths[-2:] == [31, 32]
    assert lengths[:-2] == [1, 2, 3, 5, 9, 17]  # the first after each power of two images


def test_damaged_checkpoint_is_an_error(tmp_path: Path) -> None:
    path = checkpoint.save(RunFolder(tmp_path), trained(1), Progress(1, 4), keep=1)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FacesmithError, match="remove it to use an older checkpoint"):
        checkpoint.load(path, trained(0))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_flipped_bit_is_an_error(tmp_path: Path, share: float) -> None:
    path = checkpoint.save(RunFolder(tmp_path), trained(1), Progress(1, 4), keep=1)
    data = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(data[:8], "little")
    data[header + int(share * (len(data) - header))] ^= 4
    path.write_bytes(data)
    with pytest.raises(FacesmithError, match="damaged"):
        checkpoint.load(path, trained(0))


def test_file_of_another_format_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(FacesmithError, match="not a facesmith-checkpoint"):
        checkpoint.load(tmp_path / "a.safetensors", trained(0))
