"""Arithmetic on latents: interpolation, analogies and paths. A latent is a vector (d); batches have d as last axis."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from facesmith.arrays import Doubles, Latents
from facesmith.errors import FacesmithError

# Closer than this, in radians, to parallel or opposite vectors, the formula of the arc divides by almost zero. There,
# the arc and the line that replaces it differ by less than a millionth of their length.
MIN_ANGLE = 1e-3


def lerp(t: ArrayLike, a: ArrayLike, b: ArrayLike) -> Latents:
    """Return the straight line from ``a`` (t = 0) to ``b`` (t = 1), with ``t`` clipped; the shape is t's, then a's.

    The ends are a and b, bit for bit.
    """
    t, a, b = _broadcast(t, a, b)
    return _with_exact_ends(t, a, b, a + t * (b - a))


def slerp(t: ArrayLike, a: ArrayLike, b: ArrayLike) -> Latents:
    """Return the arc from ``a`` (t = 0) to ``b`` (t = 1), with ``t`` clipped; the shape is t's, then a's.

    sin((1-t)ω)/sin ω · a + sin(tω)/sin ω · b, with ω the angle between them (Shoemake, SIGGRAPH 1985). The vectors are
    not normalised: lengths are interpolated too. Gaussian latents lie near a sphere, which a straight line leaves
    (White, arXiv:1609.04468).

    Where the formula divides by zero: parallel vectors, and a zero vector, are joined by the straight line. Between
    opposite vectors, the arc leads over the axis where the vector is smallest.
    """
    t, a, b = _broadcast(t, a, b)
    length_a, length_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    unit_a, unit_b = a / np.where(length_a > 0, length_a, 1), b / np.where(length_b > 0, length_b, 1)
    # The tangent of half the angle is exact; the arc cosine of the product loses half of the digits for small angles.
    difference, total = (np.linalg.norm(unit_a + sign * unit_b, axis=-1, keepdims=True) for sign in (-1, 1))
    angle = 2 * np.arctan2(difference, total)
    sine = np.where(np.sin(angle) > 0, np.sin(angle), 1)
    arc = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / sine
    semicircle = np.cos(t * np.pi) * unit_a + np.sin(t * np.pi) * _perpendicular(unit_a)
    curve = np.where(angle > np.pi - MIN_ANGLE, semicircle * (length_a + t * (length_b - length_a)), arc)
    line = a + t * (b - a)
    is_arc = (angle > MIN_ANGLE) & (length_a > 0) & (length_b > 0)
    return _with_exact_ends(t, a, b, np.where(is_arc, curve, line))


def analogy(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> Latents:
    """Return what is to ``c`` as ``b`` is to ``a``: b - a + c (Mikolov et al., NAACL 2013; faces: arXiv:1511.06434)."""
    a, b, c = (np.asarray(v, np.float32) for v in (a, b, c))
    return b - a + c


def analogy_grid(a: ArrayLike, b: ArrayLike, c: ArrayLike, rows: int, columns: int) -> Latents:
    """Return the latents between the corners A, B, C and D = B - A + C: rows x columns x d.

    A and B are the upper corners, C and D the lower ones. The left column is the arc from A to C, the right one that
    from B to D, and every row the arc between its ends.
    """
    if min(rows, columns) < 2:
        raise FacesmithError(f"invalid grid {rows} x {columns}: expected at least 2 rows and 2 columns")
    down, along = np.linspace(0, 1, rows), np.linspace(0, 1, columns)
    left, right = slerp(down, a, c), slerp(down, b, analogy(a, b, c))
    return np.stack([slerp(along, *ends) for ends in zip(left, right, strict=True)])


def latent_path(keyframes: Sequence[ArrayLike], frames: int, *, spherical: bool = True, loop: bool = False) -> Latents:
    """Return ``frames`` latents through two or more ``keyframes``, evenly divided among the steps: frames x d.

    An open path begins with the first keyframe and ends with the last. A loop returns from the last to the first and
    ends one frame before it, so that no frame is repeated when it is played again.
    """
    points = [np.asarray(keyframe, np.float32) for keyframe in keyframes]
    if len(points) < 2:
        raise FacesmithError(f"interpolation requires at least two faces, not {len(points)}")
    if frames < 2:
        raise FacesmithError(f"invalid number of frames {frames}: expected at least 2")
    if loop:
        points.append(points[0])
    interpolate = slerp if spherical else lerp
    positions = np.linspace(0, len(points) - 1, frames, endpoint=not loop)
    steps = np.minimum(positions.astype(int), len(points) - 2)
    return np.stack(
        [
            interpolate(position - step, points[step], points[step + 1])
            for position, step in zip(positions, steps, strict=True)
        ]
    )


def _broadcast(t: ArrayLike, a: ArrayLike, b: ArrayLike) -> tuple[Doubles, Doubles, Doubles]:
    """Return t, a and b as float64, t with trailing axes for those of a."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    t = np.clip(np.asarray(t, np.float64), 0, 1)
    return t.reshape(t.shape + (1,) * a.ndim), a, b


def _with_exact_ends(t: Doubles, a: Doubles, b: Doubles, interior: Doubles) -> Latents:
    """Return the path with its exact ends: arithmetic may round them, and a keyframe must not change."""
    return np.where(t <= 0, a, np.where(t >= 1, b, interior)).astype(np.float32)


def _perpendicular(units: Doubles) -> Doubles:
    """Return unit vectors perpendicular to ``units``, in the plane of each and its smallest axis."""
    axes = np.zeros_like(units)
    np.put_along_axis(axes, np.abs(units).argmin(-1)[..., None], 1, -1)
    perpendicular = axes - (axes * units).sum(-1, keepdims=True) * units
    lengths = np.linalg.norm(perpendicular, axis=-1, keepdims=True)
    return np.asarray(perpendicular / np.maximum(lengths, np.finfo(float).tiny))
