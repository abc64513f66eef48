"""Arithmetic on latents: interpolation, analogies and paths. A latent is a vector (d); batches have d as last axis."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesmith.errors import FacesmithError

Latents = NDArray[np.float32]
Mix = Callable[[ArrayLike, ArrayLike, ArrayLike], Latents]

# Nearer than this, in radians, to pointing the same way or opposite ways, the formula of the arc divides by next to
# nothing. The arc and the line that takes its place differ by less than a millionth of their length.
SMALL = 1e-3


def lerp(t: ArrayLike, a: ArrayLike, b: ArrayLike) -> Latents:
    """The straight line from ``a`` (t = 0) to ``b`` (t = 1), ``t`` clipped to that; t's shape, then a's.

    At the ends stand a and b themselves, to the bit.
    """
    share, a, b = _prepared(t, a, b)
    return _between(share, a, b, a + share * (b - a))


def slerp(t: ArrayLike, a: ArrayLike, b: ArrayLike) -> Latents:
    """The arc from ``a`` (t = 0) to ``b`` (t = 1), ``t`` clipped to that; t's shape, then a's.

    sin((1-t)ω)/sin ω · a + sin(tω)/sin ω · b, with ω the angle between them (Shoemake, SIGGRAPH 1985), on the vectors
    as they are: their lengths are blended on the way, not made equal. White, arXiv:1609.04468, says why: Gaussian
    latents lie near a sphere, and the straight line between two of them leaves it.

    Where the formula divides by zero there is still a way. Vectors that point the same way, and a zero vector, are
    joined by the straight line. Between opposite ones every arc is as good as any other: theirs leads over the axis
    they have least of.
    """
    share, a, b = _prepared(t, a, b)
    long, wide = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    one, other = a / np.where(long > 0, long, 1), b / np.where(wide > 0, wide, 1)
    # By the tangent of its half: the arc cosine of the product loses half of the digits where vectors are alike.
    apart, together = (np.linalg.norm(one + sign * other, axis=-1, keepdims=True) for sign in (-1, 1))
    angle = 2 * np.arctan2(apart, together)
    sine = np.where(np.sin(angle) > 0, np.sin(angle), 1)
    arc = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / sine
    turn = np.cos(share * np.pi) * one + np.sin(share * np.pi) * _across(one)
    way = np.where(angle > np.pi - SMALL, turn * (long + share * (wide - long)), arc)
    line = a + share * (b - a)
    return _between(share, a, b, np.where((angle > SMALL) & (long > 0) & (wide > 0), way, line))


def analogy(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> Latents:
    """What is to ``c`` as ``b`` is to ``a``: b - a + c (Mikolov et al., NAACL 2013; for faces arXiv:1511.06434)."""
    a, b, c = (np.asarray(v, np.float32) for v in (a, b, c))
    return b - a + c


def analogy_grid(a: ArrayLike, b: ArrayLike, c: ArrayLike, rows: int, columns: int) -> Latents:
    """The faces between the corners A, B and C, and D = B - A + C: rows x columns x d.

    A and B are the upper corners, C and D the lower ones. The left column is the arc from A to C, the right one that
    from B to D, and every row the arc between its ends.
    """
    if min(rows, columns) < 2:
        raise FacesmithError(f"a grid of {rows} x {columns} has no four corners: ask for at least 2 rows and 2 columns")
    down, along = np.linspace(0, 1, rows), np.linspace(0, 1, columns)
    left, right = slerp(down, a, c), slerp(down, b, analogy(a, b, c))
    return np.stack([slerp(along, *ends) for ends in zip(left, right, strict=True)])


def latent_path(keyframes: Sequence[ArrayLike], frames: int, *, spherical: bool = True, loop: bool = False) -> Latents:
    """``frames`` latents through two or more ``keyframes``, as many to each step as to the next: frames x d.

    An open path begins with the first keyframe and ends with the last. A loop goes on from the last to the first, and
    ends one frame before it: shown again and again it shows no frame twice in a row.
    """
    stops = [np.asarray(keyframe, np.float32) for keyframe in keyframes]
    if len(stops) < 2:
        raise FacesmithError(f"a path leads through at least two faces, not {len(stops)}")
    if frames < 2:
        raise FacesmithError(f"{frames} frames make no path: ask for at least 2")
    if loop:
        stops.append(stops[0])
    mix: Mix = slerp if spherical else lerp
    places = np.linspace(0, len(stops) - 1, frames, endpoint=not loop)
    steps = np.minimum(places.astype(int), len(stops) - 2)
    return np.stack(
        [mix(place - step, stops[step], stops[step + 1]) for place, step in zip(places, steps, strict=True)]
    )


def _prepared(t: ArrayLike, a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """t, a and b as float64, t with as many axes more as it needs to stand before a's."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    share = np.clip(np.asarray(t, np.float64), 0, 1)
    return share.reshape(share.shape + (1,) * a.ndim), a, b


def _between(
    share: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64], way: NDArray[np.float64]
) -> Latents:
    """The way with its ends as they were given: arithmetic may round them, and a keyframe is not to change."""
    return np.where(share <= 0, a, np.where(share >= 1, b, way)).astype(np.float32)


def _across(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors at right angles to ``units``, in the plane of each and the axis it has least of."""
    axes = np.zeros_like(units)
    np.put_along_axis(axes, np.abs(units).argmin(-1)[..., None], 1, -1)
    across = axes - (axes * units).sum(-1, keepdims=True) * units
    return np.asarray(across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), np.finfo(float).tiny))
