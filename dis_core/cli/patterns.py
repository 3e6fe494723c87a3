"""File names with * and ?, which shells other than those of Windows replace before a program sees them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence


def expand_patterns(arguments: Sequence[str]) -> list[str]:
    """Each argument with * or ? in it as the names that it stands for, sorted; itself if there are none.

    Brackets mean themselves: they are common in names of files, as in `photo[1].jpg`. Options stay as they are.
    """
    expanded: list[str] = []
    for argument in arguments:
        found = [] if argument.startswith("-") or not re.search(r"[*?]", argument) else _matches(argument)
        expanded += found or [argument]
    return expanded


def arguments_of(shell: Sequence[str]) -> list[str]:
    """What the shell gave, with the patterns that Windows' shells leave to programs."""
    return expand_patterns(shell) if os.name == "nt" else list(shell)


def _matches(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern.replace("[", "[[]")))  # noqa: PTH207 - keeps ./ and the slashes as they were typed
