"""Whether the versions that pyproject.toml names as the lowest are installed: `python -m tests.lowest_versions`.

A resolver that is asked for the lowest versions takes higher ones where another package wants them, in silence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Final

_FLOOR: Final = re.compile(r"\s*([\w.-]+)[^;]*?>=\s*([\d.]+)")


def lowest_versions(requirements: Sequence[str]) -> dict[str, str]:
    """The lowest version of each package that is required always or by the extra for tests."""
    lowest = {}
    for requirement in requirements:
        found = _FLOOR.match(requirement)
        if found and ("extra" not in requirement or "'test'" in requirement.replace('"', "'")):
            lowest[found[1]] = found[2]
    return lowest


def higher_ones(lowest: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """A line for each package that is installed in another version than the lowest one; 2.10 stands for 2.10.1 too."""
    return [
        f"{name}: {installed[name]} is installed, and {version} is the lowest"
        for name, version in lowest.items()
        if not f"{installed[name]}.".startswith(f"{version}.")
    ]


if __name__ == "__main__":
    named = lowest_versions(metadata.requires("dis-core") or [])
    if problems := higher_ones(named, {name: metadata.version(name) for name in named}):
        sys.exit("\n".join(problems))
    print(f"the lowest versions of {len(named)} packages are installed")  # noqa: T201 - this is a program
