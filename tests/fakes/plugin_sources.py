"""The sources of the editors' plug-ins, and what lies in a folder."""

from __future__ import annotations

from pathlib import Path

SOURCES = Path(__file__).parents[2] / "plugins"


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
