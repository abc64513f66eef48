"""Names for the types of arrays. Where a shape is not given here, docstrings give it."""

import numpy as np
from numpy.typing import NDArray

ImageArray = NDArray[np.uint8]  # (height, width, 3), RGB
Images = NDArray[np.uint8]  # (N, height, width, 3), RGB
Latents = NDArray[np.float32]  # (N, latent size)
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Signs = NDArray[np.int8]  # (N, attributes): 1 with the attribute, -1 without it
