"""ICC profiles, inside an otherwise honest image: each is used, or left out with a remark."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

from dis_core.images.compositing import over_color
from dis_core.images.decoded import Decoded
from dis_core.images.reading import to_picture
from tests.fakes.image_files import cmyk_profile, gray_profile, large_profile, random_pixels, wide_profile
from tests.fuzz.kind import Kind

_CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}


def _seeds() -> list[bytes]:
    made = [bytes(imagecodecs.cms_profile(name)) for name in ("srgb", "xyz", "lab2", "lab4", "adobergb")]
    return [wide_profile(), gray_profile(), cmyk_profile(), large_profile(1000), *made]


def _feed(profile: bytes) -> None:
    channels = _CHANNELS.get(profile[16:20], 3)
    for dtype in (np.uint8, np.uint16):
        array = random_pixels((5, 4, channels), dtype=dtype)
        alpha = np.full((5, 4), 0.5, np.float32)
        picture = to_picture(Decoded(array, alpha=alpha, is_ink=channels == 4, icc_profile=profile), "the image")
        image = picture.srgb()
        assert np.isfinite(image).all()
        over_color(picture, (10, 200, 30))


def _repair(profile: bytes) -> bytes:
    """The profile with its own length where it belongs."""
    return struct.pack(">I", len(profile)) + profile[4:]


PROFILES = Kind("profiles", _seeds, _feed, _repair)
