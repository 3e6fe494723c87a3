"""The folder for the environment that a plug-in makes for dis-core."""

from __future__ import annotations

import os
import sys

FOLDER = "program"

RECORD = "installed.json"
"""How to start the dis-core in the environment, and what it is. It is written last: without it there is none."""


def environments_folder() -> str:
    """Where environments are: in the user's data, because cleaners delete caches. A file name."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        data = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        data = os.path.join(home, "Library", "Application Support")
    else:
        data = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return os.path.join(data, "dis-core", FOLDER)
