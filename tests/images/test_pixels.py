import numpy as np
import torch

from facesmith.images.pixels import to_float, to_uint8


def _images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), np.uint8)


def test_arrays_and_tensors_convert_to_the_same_values() -> None:
    images = _images()
    array, tensor = to_float(images), to_float(torch.from_numpy(images))
    assert array.dtype == np.float32
    assert array.shape == (2, 3, 5, 4)
    assert np.array_equal(array, tensor.numpy())
    assert array.min() >= -1
    assert array.max() <= 1


def test_uint8_values_survive_the_round_trip() -> None:
    images = _images()
    assert np.array_equal(to_uint8(to_float(images)), images)
    assert np.array_equal(to_uint8(to_float(torch.from_numpy(images)).requires_grad_()), images)


def test_values_outside_the_range_are_clipped() -> None:
    assert to_uint8(np.array([-3, 0, 3], np.float32).reshape(1, 3, 1, 1)).tolist() == [[[[0, 128, 255]]]]
