"""What a model is shown of pictures that use only the bottom of their range, such as 12-bit data in a 16-bit file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.picture import Picture
    from dis_core.protocols import Exposure

UNDER_TRANSPARENCY = np.float32(0.5)
"""The gray that the model sees where a picture is transparent: the colors hidden there are not to be shown."""

PERCENTILE: Final = 99.5
"""As bright as this share of the pixels is taken for white: single hot pixels and small lamps do not count."""

USED_AT_LEAST: Final = 0.25
"""Pictures that reach this value are shown as they are. Models find the subject in them as well as in brighter ones."""

MOST_GAIN: Final = 64.0
"""For ten bits in sixteen. What is darker still is mostly noise."""

_LOOKED_AT: Final = 1_000_000


def gain_for(image: NDArray[np.float32], alpha: NDArray[np.float32] | None) -> float:
    """By how much to multiply an image, (H, W, 3) in [0, 1], so that it uses its range; 1 if it does already.

    What an `alpha` (H, W) hides does not count.
    """
    step = max(1, int((image.shape[0] * image.shape[1] / _LOOKED_AT) ** 0.5))
    red, green, blue = np.moveaxis(image[::step, ::step], 2, 0)
    brightest = np.maximum(np.maximum(red, green), blue)  # ten times as fast as `max` along so short an axis
    if alpha is not None:
        brightest = brightest[alpha[::step, ::step] > 0]
    white = float(np.percentile(brightest, PERCENTILE)) if brightest.size else 0.0
    if white <= 0 or white >= USED_AT_LEAST:
        return 1.0
    return min(1 / white, MOST_GAIN)


def brighten(image: NDArray[np.float32], gain: float) -> None:
    """Multiply an image in place, and keep it in [0, 1]."""
    image *= np.float32(gain)
    np.minimum(image, np.float32(1), out=image)


def shown_to_model(picture: Picture, exposure: Exposure) -> tuple[NDArray[np.float32], Picture]:
    """What the model is shown, (H, W, 3) float32 sRGB in [0, 1], and the picture, with a remark if it was brightened.

    Transparent parts lie over a mid gray. The picture's own pixels stay as they are.
    """
    image = picture.srgb()
    gain = gain_for(image, picture.alpha) if exposure == "auto" else 1.0
    if gain > 1:
        brighten(image, gain)
        remark = f'very dark: the model was shown it {gain:.3g} times as bright (`exposure="original"` turns this off)'
        picture = replace(picture, remarks=(*picture.remarks, remark))
    if picture.alpha is not None:
        image -= UNDER_TRANSPARENCY
        image *= picture.alpha[:, :, np.newaxis]
        image += UNDER_TRANSPARENCY
    return image, picture
