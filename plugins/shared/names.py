"""File names as Python wants them and as editors, JSON and Qt want them: not the same where the locale is ASCII."""

from __future__ import annotations

import os


def file_name(text: str) -> str:
    """What `open` and `os` take for a path that is written as text; itself where the locale knows UTF-8."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def text_of(name: str) -> str:
    """A path of `os`, `tempfile` or `__file__` as text, for editors, for JSON and for people."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
