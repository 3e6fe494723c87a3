"""Colors that a file states without an ICC profile: code points (PNG's cICP, nclx in AVIF and HEIC), gAMA and cHRM.

They become a profile, so that everything else works with one kind of description. The numbers of primaries and transfer
characteristics are those of ITU-T H.273, tables 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from dis_core.images.color_profiles import is_srgb

if TYPE_CHECKING:
    from dis_core.images.decoded import Decoded

Chromaticities: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue."""

PERCEPTUAL_QUANTIZER, HYBRID_LOG_GAMMA = 16, 18
SRGB_PRIMARIES, SRGB_TRANSFER, UNSPECIFIED = 1, 13, 2

_D65, _C, _EQUAL_ENERGY, _DCI_WHITE = (0.3127, 0.3290), (0.310, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
_SRGB: Final[Chromaticities] = (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_PRIMARIES: Final[dict[int, Chromaticities]] = {
    SRGB_PRIMARIES: _SRGB,
    UNSPECIFIED: _SRGB,
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    10: (*_EQUAL_ENERGY, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    11: (*_DCI_WHITE, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_SRGB_CURVE: Final = 0.0
"""Stands for sRGB's curve where else the exponent of a power law is."""

# The curves of television (1, 6, 14, 15) belong to cameras; screens undo another one. Encoders write these numbers for
# pictures that came as sRGB, and browsers show them as that.
_CURVES: Final = {
    **dict.fromkeys((1, UNSPECIFIED, 6, SRGB_TRANSFER, 14, 15), _SRGB_CURVE),
    4: 2.2,
    5: 2.8,
    8: 1.0,
    17: 2.6,
}
_AS_GOOD_AS_SRGB: Final = 0.05
"""Exponents this close to 2.2, as a share, mean sRGB: files of the nineties say 0.45455 for it, and libpng agrees."""
_SAME_PRIMARIES: Final = 0.005
_CURVE_NODES: Final = 1024


@dataclass(frozen=True)
class Stated:
    """What a file says of its colors: an exponent (0 for sRGB's curve) and chromaticities, and what was not heeded."""

    gamma: float = _SRGB_CURVE
    chromaticities: Chromaticities = _SRGB
    remarks: tuple[str, ...] = ()


def is_hdr_transfer(transfer: int) -> bool:
    """Whether this transfer characteristic is a brightness curve of HDR video, which is far from sRGB."""
    return transfer in (PERCEPTUAL_QUANTIZER, HYBRID_LOG_GAMMA)


def of_codes(primaries: int, transfer: int) -> Stated:
    """Colors from code points; unknown ones mean sRGB, with a remark."""
    if primaries in _PRIMARIES and transfer in _CURVES:
        return Stated(_CURVES[transfer], _PRIMARIES[primaries])
    return Stated(remarks=(f"its colors have the unknown code {primaries}/{transfer}, and were taken for sRGB",))


def has_code(chunks: dict[bytes, bytes]) -> bool:
    """Whether a PNG's cICP chunk says anything; if it does, it counts more than the profile."""
    code = chunks.get(b"cICP", b"")
    return len(code) == 4 and UNSPECIFIED not in code[:2]


def of_png(chunks: dict[bytes, bytes]) -> Stated:
    """Colors from a PNG's chunks, of which cICP counts most, then sRGB, then gAMA with cHRM (PNG 3, section 4.3)."""
    code = chunks.get(b"cICP", b"")
    if has_code(chunks):
        stated = of_codes(code[0], code[1])
        remark = "its narrow range of values was taken for the full one"
        return stated if code[3] else replace(stated, remarks=(*stated.remarks, remark))
    gamma, places = _fractions(chunks.get(b"gAMA", b""), 1), _fractions(chunks.get(b"cHRM", b""), 8)
    if b"sRGB" in chunks or not (gamma or places):
        return Stated()
    if not gamma:
        like_srgb = places is not None and _close(places, _SRGB)
        return Stated(remarks=() if like_srgb else ("its cHRM chunk has no gAMA chunk beside it, and was left out",))
    if places is not None and not _is_triangle(places):
        return replace(of_gamma(gamma[0], _SRGB), remarks=("its cHRM chunk makes no sense, and was left out",))
    return of_gamma(gamma[0], _SRGB if places is None else places)


def of_gamma(encoding: float, chromaticities: tuple[float, ...]) -> Stated:
    """From a number like that in gAMA, 1 / 2.2 for a usual file; what makes no sense means sRGB, with a remark."""
    if not 0.1 <= encoding <= 10:
        return Stated(remarks=("its gAMA chunk makes no sense, and was left out",))
    usual = abs(encoding * 2.2 - 1) <= _AS_GOOD_AS_SRGB
    white_x, white_y, red_x, red_y, green_x, green_y, blue_x, blue_y = chromaticities
    places = (white_x, white_y, red_x, red_y, green_x, green_y, blue_x, blue_y)
    return Stated(_SRGB_CURVE if usual else round(1 / encoding, 4), places)


def with_stated_colors(decoded: Decoded, stated: Stated) -> Decoded:
    """The same pixels with a profile of the stated colors, unless these are sRGB's."""
    channels = 1 if decoded.array.ndim == 2 or decoded.array.shape[2] <= 2 else 3
    profile = gray_profile(stated.gamma) if channels == 1 else rgb_profile(stated.gamma, stated.chromaticities)
    return replace(decoded, icc_profile=profile, remarks=(*decoded.remarks, *stated.remarks))


@lru_cache(maxsize=8)
def rgb_profile(gamma: float, chromaticities: Chromaticities) -> bytes | None:
    """An ICC profile of these colors; None if they are sRGB. A `gamma` of 0 is sRGB's curve."""
    import imagecodecs

    if gamma == _SRGB_CURVE and _close(chromaticities, _SRGB):
        return None
    white, colors = chromaticities[:2], chromaticities[2:]
    primaries = [number for i in range(0, 6, 2) for number in (*colors[i : i + 2], 1.0)]
    profile = imagecodecs.cms_profile("rgb", whitepoint=(*white, 1.0), primaries=primaries, **_curve(gamma))
    dated = _without_date(bytes(profile))
    return None if is_srgb(dated) else dated


@lru_cache(maxsize=8)
def gray_profile(gamma: float) -> bytes | None:
    """An ICC profile of gray with this exponent; None for sRGB's curve."""
    import imagecodecs

    if gamma == _SRGB_CURVE:
        return None
    return _without_date(bytes(imagecodecs.cms_profile("gray", whitepoint=(*_D65, 1.0), gamma=gamma)))


def states_hdr(profile: bytes) -> bool:
    """Whether an ICC profile says in its `cicp` tag that the curve is one of HDR video (ICC.1:2022, 9.2.17)."""
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(132, 132 + 12 * min(count, 200), 12):
        if profile[entry : entry + 4] == b"cicp":
            start = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            return len(profile) > start + 9 and is_hdr_transfer(profile[start + 9])
    return False


def _curve(gamma: float) -> dict[str, Any]:
    """The curve as an argument for imagecodecs, which knows exponents and tables."""
    if gamma != _SRGB_CURVE:
        return {"gamma": gamma}
    encoded = np.linspace(0.0, 1.0, _CURVE_NODES)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return {"transferfunction": np.rint(linear * 65535).astype(np.uint16)}


def _without_date(profile: bytes) -> bytes:
    """With a fixed date instead of the time at which it was made: the same picture gives the same file."""
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def _fractions(data: bytes, count: int) -> tuple[float, ...] | None:
    """Whole numbers of a chunk in units of 1/100000; None if these are not as many as they should be, or all 0."""
    if len(data) != 4 * count or not any(data):
        return None
    return tuple(number / 100_000 for number in struct.unpack(f">{count}I", data))


def _close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= _SAME_PRIMARIES for a, b in zip(one, other, strict=True))


def _is_triangle(places: tuple[float, ...]) -> bool:
    """Whether the three colors span an area, and white can be reached."""
    white_y, (red, green, blue) = places[1], (places[i : i + 2] for i in (2, 4, 6))
    area = (green[0] - red[0]) * (blue[1] - red[1]) - (blue[0] - red[0]) * (green[1] - red[1])
    return white_y > 0.01 and all(place <= 1 for place in places) and abs(area) > 0.001
