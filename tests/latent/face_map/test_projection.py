import numpy as np

from facesmith.latent.face_map.projection import NEIGHBOURS, find_neighbours


def test_neighbours_exclude_the_point_itself() -> None:
    rng = np.random.default_rng(0)
    points, photos = rng.standard_normal((50, 4)).astype(np.float32), rng.standard_normal((3, 4)).astype(np.float32)
    neighbours = find_neighbours(points, photos)
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distance, np.inf)
    np.testing.assert_array_equal(neighbours.points, distance.argsort(1)[:, :NEIGHBOURS])
    np.testing.assert_array_equal(
        neighbours.photos, np.linalg.norm(photos[:, None] - points, axis=2).argsort(1)[:, :NEIGHBOURS]
    )


def test_copies_of_a_point_are_neighbours_of_each_other() -> None:
    points = np.repeat(np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32), 20, axis=0)
    neighbours = find_neighbours(points, points[:0]).points
    assert not (neighbours == np.arange(40)[:, None]).any()
    assert (neighbours // 20 == (np.arange(40) // 20)[:, None]).all()
