"""The parameters of `POST /v1.0/removebg`, as clients of remove.bg send them (remove.bg/api, version 1.0)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dis_core.errors import BadRequest
from dis_core.geometry import Box, common_part
from dis_core.server.answers import Refused
from dis_core.server.forms import Form, refuse_unknown
from dis_core.server.results import FileFormat, Kind, Length, ResultStyle, parse_background, refuse_contradictions

PIXELS_OF_SIZE: Final[Mapping[str, int | None]] = {
    **dict.fromkeys(("preview", "small", "regular"), 250_000),
    "medium": 1_500_000,
    "hd": 4_000_000,
    "4k": 10_000_000,
    **dict.fromkeys(("50MP", "full", "auto"), None),
}
"""How many pixels a result has at most; None: as many as the image."""

TYPES: Final = ("auto", "person", "product", "animal", "car", "transportation", "graphic", "graphics", "other")
FORMATS: Final[Mapping[str, FileFormat]] = {
    "auto": "auto", "png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp", "zip": "auto"
}  # fmt: skip
MOST_MARGIN_PX, MOST_MARGIN_FRACTION = 500, 0.5

PARAMETERS: Final[Mapping[str, str]] = {
    "image_file": "The image, as a file.",
    "image_file_b64": "The image in base 64.",
    "image_url": "The address of the image; refused unless the server allows its host.",
    "size": f"How large the result may be: {', '.join(PIXELS_OF_SIZE)}. Without it the image's own size is kept.",
    "type": f"What is shown: {', '.join(TYPES)}. It changes nothing.",
    "type_level": "How exact X-Type is: none, 1, 2 or latest. It changes nothing.",
    "format": "auto, png, jpg, webp, or zip (color.jpg and alpha.png).",
    "channels": "rgba, or alpha for the gray matte.",
    "roi": "The part of the image with the subject: left, top, right and bottom, in px or %.",
    "bg_color": "A background: rrggbb, rgb, rrggbbaa or the name of a color.",
    "bg_image_file": "A background image, as a file.",
    "bg_image_file_b64": "A background image in base 64.",
    "bg_image_url": "The address of a background image; refused as image_url is.",
    "crop": "true cuts off what is empty around the subject.",
    "crop_margin": "What is left around a cropped subject: one, two or four lengths in px or %.",
    "scale": "original, or how large the subject is in the image: 10% to 100%.",
    "position": "original, center, or where the subject is: one or two numbers in %.",
    "semitransparency": "Accepted; false is refused.",
    "add_shadow": "Refused, unless it is false: there are no shadows here.",
    "shadow_type": "Refused, unless it is none.",
    "shadow_opacity": "Ignored, because there are no shadows.",
}
"""The parameters and what is written about them in OpenAPI."""


@dataclass(frozen=True)
class RemoveBgRequest:
    """What is wanted of an image: how many pixels of it, what to look at, and what to make."""

    reduce_to: int | None
    roi: tuple[Length, Length, Length, Length] | None
    style: ResultStyle
    type: str
    image_url: str | None = None
    background_url: str | None = None


def parse_request(form: Form) -> RemoveBgRequest:
    """Read the fields of a form. Raises Refused, in words."""
    refuse_unknown(form, [*PARAMETERS])
    fields = {name: value.strip() for name, value in form.fields.items() if value.strip()}
    _refuse_shadows(fields)
    sources = [name for name in ("image_file", "image_url") if name in fields or name in form.files]
    if not sources or "image_file" in fields:
        raise Refused(400, "missing_source", "no image given", "send image_file, image_file_b64 or image_url")
    if len(sources) > 1:
        raise Refused(400, "multiple_sources", "more than one image given", "send only one of image_file and image_url")
    if "bg_image_file" in fields:
        raise Refused(
            400, "invalid_parameters", "bg_image_file is not a file", "send it as a file or bg_image_file_b64"
        )
    background = fields.get("bg_color")
    try:
        if background is not None:
            parse_background(background)
        style = ResultStyle(
            kind=_kind(fields),
            format=FORMATS[_one_of(fields, "format", FORMATS, "auto")],
            crop=_flag(fields, "crop"),
            margins=_margins(fields.get("crop_margin")),
            scale=_scale(fields.get("scale", "original")),
            position=_position(fields.get("position", "original")),
            background=background,
            background_file=form.files.get("bg_image_file"),
            if_empty="refuse",
        )
        if "bg_image_url" in fields and (style.background or style.background_file):
            raise BadRequest("a background is a color or an image, not both", hint="leave out one of them")
        refuse_contradictions(style)
    except BadRequest as error:
        raise Refused(400, "invalid_parameters", error.message, error.hint) from None
    return RemoveBgRequest(
        reduce_to=PIXELS_OF_SIZE[_one_of(fields, "size", PIXELS_OF_SIZE, "auto")],
        roi=None if "roi" not in fields else _roi(fields["roi"]),
        style=style,
        type=_one_of(fields, "type", TYPES, "auto"),
        image_url=fields.get("image_url"),
        background_url=fields.get("bg_image_url"),
    )


def box_of(roi: tuple[Length, Length, Length, Length], original: tuple[int, int], size: tuple[int, int]) -> Box:
    """The box in an image of `size`, which was `original` (height, width) when the client saw it.

    Raises Refused if nothing of it is in the image.
    """
    height, width = original
    edges = [length.of(whole) for length, whole in zip(roi, (width, height) * 2, strict=True)]
    scales = (size[1] / width, size[0] / height) * 2
    left, top, right, bottom = (round(edge * scale) for edge, scale in zip(edges, scales, strict=True))
    inside = common_part(Box(left, top, right, bottom), Box(0, 0, size[1], size[0]))
    if inside is None:
        raise Refused(
            400, "invalid_parameters", "the roi is empty or outside of the image", "right and bottom come last"
        )
    return inside


def _kind(fields: Mapping[str, str]) -> Kind:
    channels = _one_of(fields, "channels", ("rgba", "alpha"), "rgba")
    if fields.get("format") == "zip":
        if channels == "alpha":
            raise BadRequest("a zip holds color and alpha", hint="leave out channels")
        return "zip"
    return "alpha" if channels == "alpha" else "cutout"


def _one_of(fields: Mapping[str, str], name: str, known: Mapping[str, object] | tuple[str, ...], otherwise: str) -> str:
    value = fields.get(name, otherwise)
    if value not in known:
        raise Refused(400, "invalid_parameters", f"unknown {name} {value[:60]!r}", f"choose one of: {', '.join(known)}")
    return value


def _flag(fields: Mapping[str, str], name: str) -> bool:
    return _one_of(fields, name, ("true", "false", "1", "0", "yes", "no"), "false") in ("true", "1", "yes")


def _refuse_shadows(fields: Mapping[str, str]) -> None:
    if _flag(fields, "add_shadow") or fields.get("shadow_type", "none") != "none":
        raise Refused(400, "not_supported", "shadows are not made here", "leave out add_shadow and shadow_type")
    if fields.get("semitransparency", "true") not in ("true", "1", "yes"):
        raise Refused(400, "not_supported", "what is half transparent stays so", "leave out semitransparency")


def _length(text: str, *, units: str = "px or %") -> Length:
    found = re.fullmatch(r"(-?\d{1,6}(?:\.\d{1,6})?)(px|%)?", text, re.ASCII)
    if found is None:
        raise Refused(400, "invalid_parameters", f"{text[:60]!r} is not a length", f"write a number and {units}")
    amount = float(found[1])
    return Length(amount / 100, "fraction") if found[2] == "%" else Length(amount)


def _margins(text: str | None) -> tuple[Length, Length, Length, Length]:
    parts = [_length(part) for part in re.split(r"[\s,]+", text)] if text else [Length(0)]
    for part in parts:
        most = MOST_MARGIN_PX if part.unit == "px" else MOST_MARGIN_FRACTION
        if not 0 <= part.amount <= most:
            raise BadRequest(f"a margin of {text!r} is not possible", hint="give 0 to 500px, or 0 to 50%")
    if len(parts) not in (1, 2, 4):
        raise BadRequest(f"{len(parts)} margins are not understood", hint="give one, two or four")
    top, right, bottom, left = {1: parts * 4, 2: parts * 2, 4: parts}[len(parts)]
    return top, right, bottom, left


def _roi(text: str) -> tuple[Length, Length, Length, Length]:
    parts = [_length(part) for part in re.split(r"[\s,]+", text)]
    if len(parts) != 4:
        raise Refused(400, "invalid_parameters", f"a roi has four lengths, not {len(parts)}", "such as 0% 0% 100% 100%")
    return parts[0], parts[1], parts[2], parts[3]


def _scale(text: str) -> float | None:
    if text == "original":
        return None
    length = _length(text, units="%")
    if length.unit != "fraction" or not 0.1 <= length.amount <= 1:
        raise BadRequest(f"a scale of {text!r} is not possible", hint="give original, or 10% to 100%")
    return length.amount


def _position(text: str) -> tuple[float, float] | None:
    if text == "original":
        return None
    if text == "center":
        return 0.5, 0.5
    parts = [_length(part, units="%") for part in re.split(r"[\s,]+", text)]
    if len(parts) not in (1, 2) or any(part.unit != "fraction" or not 0 <= part.amount <= 1 for part in parts):
        raise BadRequest(f"the position {text!r} is not understood", hint="give original, center, or 0% to 100% twice")
    return parts[0].amount, parts[-1].amount
