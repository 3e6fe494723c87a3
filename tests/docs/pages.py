"""The pages of the documentation."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.loose_modules import load_module

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").glob("*.md")])

GENERATED = set(load_module("docs/make_reference.py").pages())


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))
