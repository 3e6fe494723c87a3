"""The parameters of `POST /v1/segment`: the options that Python and the command have, and what to answer with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, get_args

from dis_core.errors import DisError
from dis_core.jobs.json_values import InvalidValue, from_json_value
from dis_core.prompts import SegmentOptions
from dis_core.server.answers import Refused, refusal_of
from dis_core.server.forms import Form, refuse_unknown
from dis_core.server.results import FileFormat, Kind, ResultStyle, parse_background, refuse_contradictions

OF_THE_SERVER: Final = ("device", "precision", "depth", "accept_noncommercial")
"""Options that whoever runs the server decides: where it runs, which licenses it accepts. It opens no paths."""

FROM_CLIENTS: Final = tuple(field.name for field in fields(SegmentOptions) if field.name not in OF_THE_SERVER)

RESULTS: Final[Mapping[str, Kind]] = {"cutout": "cutout", "matte": "alpha", "all": "all"}

PARAMETERS: Final[Mapping[str, str]] = {
    "image": "The image, as a file.",
    "options": f"How to find the subject, as a JSON object with any of: {', '.join(FROM_CLIENTS)}.",
    "result": "cutout, matte, or all: multipart with the cutout, the matte, the depth map if there is one, and JSON.",
    "format": f"The format of the cutout: {', '.join(get_args(FileFormat))}.",
    "bgcolor": "A background: a CSS color, rrggbb or rrggbbaa.",
    "crop": "true cuts off what is empty around the subject.",
}


@dataclass(frozen=True)
class SegmentRequest:
    """What is asked of an image, and what to make of the matte."""

    options: SegmentOptions
    style: ResultStyle


def parse_request(form: Form) -> SegmentRequest:
    """Read the fields of a form. Raises Refused, in words."""
    refuse_unknown(form, PARAMETERS)
    if "image" not in form.files:
        raise Refused(400, "missing_source", "no image given", "send it as the file `image`".replace("`", ""))
    result, form_of = form.fields.get("result", "cutout"), form.fields.get("format", "auto")
    for name, value, known in (("result", result, [*RESULTS]), ("format", form_of, [*get_args(FileFormat)])):
        if value not in known:
            raise Refused(400, "invalid_parameters", f"unknown {name} {value[:60]!r}", f"choose one of: {known}")
    style = ResultStyle(
        kind=RESULTS[result],
        format=form_of,  # type: ignore[arg-type]  # it is one of them
        crop=form.fields.get("crop", "false") == "true",
        background=form.fields.get("bgcolor"),
    )
    try:
        options = options_of(form.fields.get("options", "{}"))
        if style.background is not None:
            parse_background(style.background)
        refuse_contradictions(style)
    except DisError as error:
        raise refusal_of(error) from None
    return SegmentRequest(options, style)


def options_of(text: str) -> SegmentOptions:
    """The options that a client sends as JSON. Raises Refused for unknown ones and for those of the server."""
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Refused(400, "invalid_json", "options is not a JSON object")
    for name in values:
        if name in OF_THE_SERVER:
            raise Refused(400, "invalid_parameters", f"{name} is decided by the server", "leave it out")
        if name not in FROM_CLIENTS:
            raise Refused(
                400, "unknown_parameter", f"unknown option {name[:60]!r}", f"there are: {', '.join(FROM_CLIENTS)}"
            )
    try:
        return from_json_value(SegmentOptions, values)
    except InvalidValue as error:
        raise Refused(400, "invalid_parameters", str(error).replace("SegmentOptions", "options")) from None
