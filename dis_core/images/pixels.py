"""The type of whole-number pixels, which every module about images shares."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""uint8 or uint16 over the whole range, (H, W) or (H, W, channels)."""
