"""The floors of pyproject.toml: above known faults, and what CI installs for its run with the lowest versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lowest_versions import higher_ones, lowest_versions

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def floor_of(package: str) -> tuple[int, ...]:
    """The lowest version in the list of dependencies."""
    found = re.search(rf'"{package}>=([\d.]+)"', PROJECT.read_text(encoding="utf-8"))
    assert found
    return tuple(int(part) for part in found[1].split("."))


@pytest.mark.parametrize(
    ("package", "safe"),
    [
        ("torch", (2, 6)),  # CVE-2025-32434: loading weights ran code
        ("pillow", (12, 3)),  # heap overflows in decoders and in drawing
    ],
)
def test_versions_with_known_holes_are_not_allowed(package: str, safe: tuple[int, ...]) -> None:
    assert floor_of(package) >= safe


def test_the_lowest_versions_are_read_from_what_a_package_requires() -> None:
    requirements = ["torch>=2.10", "diffusers<0.43,>=0.37; extra == 'test'", 'mkdocs>=1.6; extra == "docs"', "pip"]

    assert lowest_versions(requirements) == {"torch": "2.10", "diffusers": "0.37"}


def test_a_higher_version_is_told_from_the_lowest_one() -> None:
    lowest = {"torch": "2.10", "numpy": "2.1", "tqdm": "4.67"}

    problems = higher_ones(lowest, {"torch": "2.10.0+cpu", "numpy": "2.10.0", "tqdm": "4.67"})

    assert problems == ["numpy: 2.10.0 is installed, and 2.1 is the lowest"]
