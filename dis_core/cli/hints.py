"""Hints as the terminal needs them: what deeper code calls by its Python name becomes an option of the command."""

from __future__ import annotations

import re

_ARGUMENT = re.compile(r"`([a-z_]+)(?:=([^`]*))?`")

_EXAMPLES = {"prompt": "--box 10,20,300,400 or --point 150,200", "roi": "--roi 10,20,300,400"}
"""Of options whose values are written otherwise than in Python."""

_RENAMED = {"side_px": "--side"}
"""Options that are called otherwise than their arguments."""

_NAMES = {"prompt": "--box and --point", "composite_share": "--composites"}


def with_options(text: str) -> str:
    """A hint or remark with the arguments in it shown as options: `max_tiles=0` becomes --max-tiles 0."""
    return _ARGUMENT.sub(_option, text)


def _option(argument: re.Match[str]) -> str:
    name, value = argument.groups()
    option = _RENAMED.get(name, f"--{name.replace('_', '-')}")
    if value is None:
        return _NAMES.get(name, option)
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    return option if value == "True" else f"{option} {value.strip(chr(34))}"
