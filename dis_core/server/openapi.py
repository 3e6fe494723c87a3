"""The interface for programs, in OpenAPI 3.1: made of the same tables that requests are checked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dis_core.__version__ import __version__
from dis_core.server import removebg, segment
from dis_core.server.limits import Limits

FILES: Final = ("image", "image_file", "bg_image_file")

Described = dict[str, Any]
"""What JSON can hold."""


def describe_api(limits: Limits) -> Described:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dis-core serve",
            "version": __version__,
            "description": f"Cuts the subject out of images of up to {limits.pixels / 1e6:g} megapixels and "
            f"{limits.file_bytes / 1e6:g} MB.",
        },
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
            "schemas": {"Errors": _errors()},
        },
        "paths": {
            "/v1.0/removebg": {"post": _removebg()},
            "/v1/segment": {"post": _segment()},
            "/v1/models": {"get": _plain("The models, and which of them a request may name.", "application/json")},
            "/healthz": {"get": {**_plain("Whether the server is alive.", "application/json"), "security": []}},
            "/metrics": {"get": _plain("Numbers for Prometheus.", "text/plain")},
        },
        "security": [{}, {"token": []}],
    }


def _removebg() -> Described:
    form = _form(removebg.PARAMETERS)
    kinds = ("multipart/form-data", "application/x-www-form-urlencoded", "application/json")
    return {
        "summary": "A cutout, as clients of remove.bg ask for it.",
        "operationId": "removebg",
        "requestBody": {"required": True, "content": {kind: {"schema": form} for kind in kinds}},
        "responses": {
            "200": {
                "description": "The cutout; in base 64, if JSON is accepted.",
                "headers": {name: {"schema": {"type": "string"}} for name in HEADERS},
                "content": {**_images(), "application/zip": {}, "application/json": {"schema": {"type": "object"}}},
            },
            **_refusals(),
        },
    }


HEADERS: Final = (
    *("X-Type", "X-Width", "X-Height", "X-Credits-Charged"),
    *("X-Foreground-Top", "X-Foreground-Left", "X-Foreground-Width", "X-Foreground-Height"),
)


def _segment() -> Described:
    return {
        "summary": "A result with all the options that there are.",
        "operationId": "segment",
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": {**_form(segment.PARAMETERS), "required": ["image"]}}},
        },
        "responses": {
            "200": {
                "description": "The result; its progress before, if events are accepted.",
                "content": {**_images(), "multipart/form-data": {}, "text/event-stream": {}},
            },
            **_refusals(),
        },
    }


def _form(parameters: Mapping[str, str]) -> Described:
    return {"type": "object", "properties": {name: _field(name, words) for name, words in parameters.items()}}


def _field(name: str, words: str) -> Described:
    kind = {"contentMediaType": "application/octet-stream"} if name in FILES else {}
    return {"type": "string", "description": words, **kind}


def _images() -> Described:
    return {kind: {} for kind in ("image/png", "image/jpeg", "image/webp")}


def _plain(words: str, media_type: str) -> Described:
    return {"summary": words, "responses": {"200": {"description": words, "content": {media_type: {}}}, **_refusals()}}


def _refusals() -> Described:
    schema = {"$ref": "#/components/schemas/Errors"}
    return {"default": {"description": "Why not.", "content": {"application/json": {"schema": schema}}}}


def _errors() -> Described:
    names = ("title", "code", "detail")
    error = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}
    return {"type": "object", "properties": {"errors": {"type": "array", "items": error}}, "required": ["errors"]}
