"""What `dis-core doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dis_core.files import megabytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dis_core.editors.find import Editor


@dataclass(frozen=True)
class Problem:
    """What is wrong, its `cure`, and whether it stops dis-core from cutting out images."""

    what: str
    cure: str
    blocks: bool = False


@dataclass(frozen=True)
class Folder:
    """A folder that dis-core writes to: what for, where, how much is in it, how much is free, and if it is writable."""

    purpose: str
    path: str
    size_bytes: int
    free_bytes: int
    writable: bool


@dataclass
class Findings:
    """Everything that was found, in the order of printing."""

    versions: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    hub: str = ""
    models: dict[str, str] = field(default_factory=dict)
    editors: list[Editor] = field(default_factory=list)
    daemon: list[str] = field(default_factory=list)
    plugins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def in_words(findings: Findings) -> Iterator[str]:
    """The report as lines for people and for bug reports."""
    yield from section("Versions", (f"{name}: {version}" for name, version in findings.versions.items()))
    yield from section("Settings", (f"{name}: {value}" for name, value in findings.settings.items()))
    yield from section("Devices", findings.devices)
    yield from section("Folders", map(folder_in_words, findings.folders))
    yield from section("Hub", [findings.hub or "not checked"])
    yield from section("Models", (f"{name}: {place}" for name, place in findings.models.items()))
    yield from section(
        "Editors",
        (f"{editor.name} {editor.version or '(version unknown)'}: {editor.where}" for editor in findings.editors),
    )
    yield from section("Daemon", findings.daemon)
    yield from section("Plug-ins of editors", (f"{editor}: {state}" for editor, state in findings.plugins.items()))
    if not findings.problems:
        yield "Nothing is wrong."
    for number, problem in enumerate(findings.problems, start=1):
        weight = "PROBLEM that stops all work" if problem.blocks else "Problem"
        yield f"{number}. {weight}: {problem.what}"
        yield f"   Fix: {problem.cure}"


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield title
    yield from [f"  {line}" for line in lines] or ["  (none)"]
    yield ""


def folder_in_words(folder: Folder) -> str:
    writable = "" if folder.writable else ", NOT WRITABLE"
    sizes = f"{megabytes(folder.size_bytes)} used, {megabytes(folder.free_bytes)} free"
    return f"{folder.purpose}: {folder.path} ({sizes}{writable})"
