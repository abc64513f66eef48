"""A face in any photo: found, aligned as CelebA's photos are, and cut as a model's dataset holds it."""

from facesmith.photos.cutting import Cut
from facesmith.photos.cutting import cut_faces as cut

__all__ = ["Cut", "cut"]
