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


class NotPlain(ValueError):
    """A value that is not what the annotation says; the message names the field."""


def to_plain(value: object) -> Any:  # whatever JSON can hold
    """What JSON can hold of a dataclass and all that is in it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: type[Value], plain: object) -> Value:
    """The dataclass `kind` from what `to_plain` made of one; nothing is converted but to paths and tuples.

    Fields that are not known are ignored, so that a newer program can be understood by an older one. Raises NotPlain.
    """
    return cast("Value", _checked(kind, plain, kind.__name__))


def _checked(kind: Any, plain: object, where: str) -> object:  # kind: any annotation
    origin, choices = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(choices, plain, where)
    if origin is Literal:
        if any(plain == choice and type(plain) is type(choice) for choice in choices):
            return plain
    elif origin is tuple:
        return _tuple(choices, plain, where)
    elif origin is Sequence:
        return _tuple((*choices, Ellipsis), plain, where)
    elif _is_named_tuple(kind):
        return kind(*_tuple(tuple(typing.get_type_hints(kind).values()), plain, where))
    elif dataclasses.is_dataclass(kind):
        if isinstance(plain, Mapping):
            return _dataclass(cast("type", kind), plain, where)
    elif kind is Path:
        if isinstance(plain, str) and plain and "\0" not in plain:
            return Path(plain)
    elif kind is float:
        # JSON has integers of any length, and 1e400, which becomes infinity.
        if type(plain) in (int, float) and abs(cast("float", plain)) <= sys.float_info.max:
            return float(cast("float", plain))
    elif type(plain) is kind:
        return plain
    raise NotPlain(f"{where} has the wrong type")


def _one_of(choices: tuple[Any, ...], plain: object, where: str) -> object:
    """The first alternative that fits; where none does, the last one's complaint."""
    if plain is None and type(None) in choices:
        return None
    problem = NotPlain(f"{where} has the wrong type")
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return _checked(choice, plain, where)
        except NotPlain as error:
            problem = error
    raise problem


def _tuple(choices: tuple[Any, ...], plain: object, where: str) -> tuple[object, ...]:
    if not isinstance(plain, list):
        raise NotPlain(f"{where} is not a list")
    kinds = [choices[0]] * len(plain) if choices[-1] is Ellipsis else list(choices)
    if len(kinds) != len(plain):
        raise NotPlain(f"{where} has {len(plain)} items instead of {len(kinds)}")
    return tuple(_checked(kind, item, where) for kind, item in zip(kinds, plain, strict=True))


def _is_named_tuple(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _dataclass(kind: type, plain: Mapping[str, object], where: str) -> object:
    annotations = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        name = f"{where}.{field.name}"
        if field.name in plain:
            values[field.name] = _checked(annotations[field.name], plain[field.name], name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise NotPlain(f"{name} is missing")
    return kind(**values)
