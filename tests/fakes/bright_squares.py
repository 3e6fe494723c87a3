"""Images with a bright square, and the command that cuts it out with the model of `bright_model`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dis_core.cli.main import run


def bright_square(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    """Black, with a white box from (20, 10) to (40, 30)."""
    image = np.zeros((height, width, 3), np.uint8)
    image[10:30, 20:40] = 255
    return image


def bright_cutout(*arguments: str) -> int:
    """The exit status of `dis-core cutout` on the CPU."""
    return run(["cutout", "--model", "bright", "--device", "cpu", *arguments])
