"""Using a makeover: on any photos, back into whole photos, and as a film."""

from facesmith.makeovers.blending import blended
from facesmith.makeovers.making import make_over

__all__ = ["blended", "make_over"]
