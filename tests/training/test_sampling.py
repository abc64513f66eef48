from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facesmith.arrays import Integers
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.training.sampling import Reader, batch, draw_latents, image_indices, reader

CPU = torch.device("cpu")
ALL = np.arange(10)
TINY = GAN_RECIPES["tiny"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).integers(0, 256, (10, 6, 4, 3), np.uint8)
    np.save(tmp_path / "images.npy", values)
    return tmp_path / "images.npy"


def test_every_epoch_shows_every_picture_once_in_a_new_order() -> None:
    first, second = image_indices(0, 0, 10, 10), image_indices(0, 10, 10, 10)
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)


def test_the_stream_starts_anywhere_and_crosses_epochs() -> None:
    stream = image_indices(3, 0, 35, 10)
    assert list(image_indices(3, 7, 20, 10)) == list(stream[7:27])
    assert list(image_indices(4, 0, 35, 10)) != list(stream)


def test_batches_are_the_same_from_memory_and_from_disk(pictures: Path) -> None:
    recipe = TINY.with_values(batch_size=8)
    read_memory, location = reader(pictures, "auto", CPU)
    read_disk, _ = reader(pictures, "disk", CPU)
    assert location == "memory"
    for images_seen in (0, 8, 40):
        a, b = (
            batch(read_memory, recipe, images_seen, ALL, CPU),
            batch(read_disk, recipe, images_seen, ALL, CPU),
        )
        assert torch.equal(a, b)
        assert a.is_contiguous(memory_format=torch.channels_last)


def test_the_next_batch_is_prefetched(pictures: Path) -> None:
    recipe, prefetched = TINY.with_values(batch_size=4), []
    disk, _ = reader(pictures, "disk", CPU)

    def prefetch(indices: Integers) -> None:
        disk.prefetch(indices)
        prefetched.append(indices.tolist())

    read = Reader(disk.read, prefetch)
    batch(read, recipe, 0, ALL, CPU)
    batch(read, recipe, 4, ALL, CPU, slice(0, 2))
    stream = image_indices(recipe.seed, 0, 12, len(ALL)).tolist()
    assert prefetched == [stream[4:8], stream[8:10]]


def test_a_batch_is_scaled_and_some_images_are_mirrored(pictures: Path) -> None:
    scaled = torch.from_numpy(np.load(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    recipe = TINY.with_values(batch_size=10)
    images = batch(reader(pictures, "memory", CPU)[0], recipe, 0, ALL, CPU)
    plain = scaled[torch.from_numpy(image_indices(recipe.seed, 0, 10, 10))]
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(images, plain, strict=True)]
    straight = [torch.equal(a, b) for a, b in zip(images, plain, strict=True)]
    assert all(a != b for a, b in zip(mirrored, straight, strict=True))
    assert 0 < sum(mirrored) < 10
    assert torch.equal(batch(reader(pictures, "memory", CPU)[0], replace(recipe, flip=False), 0, ALL, CPU), plain)


def test_latents_depend_on_their_key_and_distribution() -> None:
    assert torch.equal(draw_latents("normal", (4, 8), CPU, 2, 7), draw_latents("normal", (4, 8), CPU, 2, 7))
    assert not torch.equal(draw_latents("normal", (4, 8), CPU, 2, 7), draw_latents("normal", (4, 8), CPU, 2, 8))
    normal, uniform = (draw_latents(name, (2000, 64), CPU, 0) for name in ("normal", "uniform"))
    assert normal.std().item() == pytest.approx(1, abs=0.02)
    assert uniform.abs().max() <= 1
    assert uniform.std().item() == pytest.approx(3**-0.5, abs=0.02)
