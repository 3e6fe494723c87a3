"""Dataclasses to JSON values and back, by their annotations: a new field needs no code here."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast

Value = TypeVar("Value")


class InvalidValue(ValueError):
    """A value that does not match the annotation; the message names the field."""


def to_json_value(value: object) -> Any:  # whatever JSON can hold
    """A dataclass and everything in it as values for `json.dumps`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_json_value(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_json_value(kind: type[Value], value: object) -> Value:
    """A dataclass `kind` from the output of `to_json_value`; only paths and tuples are converted.

    Unknown fields are ignored, so that an older program understands a newer one. Raises InvalidValue.
    """
    return cast("Value", _checked(kind, value, kind.__name__))


def _checked(kind: Any, value: object, where: str) -> object:  # kind: any annotation
    origin, choices = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(choices, value, where)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in choices):
            return value
    elif origin is tuple:
        return _tuple(choices, value, where)
    elif origin is Sequence:
        return _tuple((*choices, Ellipsis), value, where)
    elif _is_named_tuple(kind):
        return kind(*_tuple(tuple(typing.get_type_hints(kind).values()), value, where))
    elif dataclasses.is_dataclass(kind):
        if isinstance(value, Mapping):
            return _dataclass(cast("type", kind), value, where)
    elif kind is Path:
        if isinstance(value, str) and value and "\0" not in value:
            return Path(value)
    elif kind is float:
        # JSON has integers of any length, and 1e400, which becomes infinity.
        if type(value) in (int, float) and abs(cast("float", value)) <= sys.float_info.max:
            return float(cast("float", value))
    elif type(value) is kind:
        return value
    raise InvalidValue(f"{where} has the wrong type")


def _one_of(choices: tuple[Any, ...], value: object, where: str) -> object:
    """The first alternative that fits. Raises the error of the last one if none fits."""
    if value is None and type(None) in choices:
        return None
    problem = InvalidValue(f"{where} has the wrong type")
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return _checked(choice, value, where)
        except InvalidValue as error:
            problem = error
    raise problem


def _tuple(choices: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise InvalidValue(f"{where} is not a list")
    kinds = [choices[0]] * len(value) if choices[-1] is Ellipsis else list(choices)
    if len(kinds) != len(value):
        raise InvalidValue(f"{where} has {len(value)} items instead of {len(kinds)}")
    return tuple(_checked(kind, item, where) for kind, item in zip(kinds, value, strict=True))


def _is_named_tuple(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _dataclass(kind: type, value: Mapping[str, object], where: str) -> object:
    annotations = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        name = f"{where}.{field.name}"
        if field.name in value:
            values[field.name] = _checked(annotations[field.name], value[field.name], name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InvalidValue(f"{name} is missing")
    return kind(**values)
