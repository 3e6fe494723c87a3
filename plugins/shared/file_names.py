"""Converts file names between Python's form and the text of editors, JSON and Qt, which differ in an ASCII locale."""

from __future__ import annotations

import os


def file_name(text: str) -> str:
    """A path in the form that `open` and `os` take; unchanged in a UTF-8 locale."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def text_of(name: str) -> str:
    """A path from `os`, `tempfile` or `__file__` as text for editors, JSON and people."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
