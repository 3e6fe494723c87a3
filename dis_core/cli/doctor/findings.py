"""What `dis-core doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dis_core.editors.find import Editor


@dataclass(frozen=True)
class Problem:
    """Something wrong: `what`, its `cure`, and whether images cannot be cut out until it is cured."""

    what: str
    cure: str
    blocks: bool = False


@dataclass(frozen=True)
class Folder:
    """A folder that dis-core writes to: what for, where, how much is in it, how much fits, and whether it may."""

    purpose: str
    path: str
    size_bytes: int
    free_bytes: int
    writable: bool


@dataclass
class Findings:
    """All that was found, in the order in which it is printed."""

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
