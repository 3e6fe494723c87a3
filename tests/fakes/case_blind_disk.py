"""A disk that ignores the case of names, as those of Windows and macOS do, for whoever looks at files or makes some."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def ignore_case(monkeypatch: pytest.MonkeyPatch, disk: Path) -> None:
    """Let whoever names a path below `disk` get what is there under a name of another case."""

    def blind(act: Callable[..., Any], paths: int) -> Callable[..., Any]:
        def act_blindly(*arguments: Any, **options: Any) -> Any:
            named = [_as_it_is_spelled(path, disk) for path in arguments[:paths]]
            return act(*named, *arguments[paths:], **options)

        return act_blindly

    for name in ("stat", "lstat", "access", "open", "unlink", "mkdir", "rmdir"):
        monkeypatch.setattr(os, name, blind(getattr(os, name), 1))
    for name in ("link", "rename", "replace"):
        monkeypatch.setattr(os, name, blind(getattr(os, name), 2))
    monkeypatch.setattr(io, "open", blind(io.open, 1))


def _as_it_is_spelled(path: Any, disk: Path) -> Any:
    if not isinstance(path, (str, os.PathLike)):
        return path
    whole = os.path.normpath(Path.cwd() / path)
    if not whole.casefold().startswith(f"{disk}{os.sep}".casefold()):
        return path
    found = str(disk)
    for part in Path(whole).parts[len(disk.parts) :]:
        names = [name for name in _names_in(found) if name.casefold() == part.casefold()]
        found = str(Path(found) / (names[0] if names else part))
    return found


def _names_in(folder: str) -> list[str]:
    try:
        return [path.name for path in Path(folder).iterdir()]
    except OSError:
        return []
