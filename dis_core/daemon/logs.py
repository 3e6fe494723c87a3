"""What the daemon writes down: when it came and went, and how long each image took; no image and no name of one."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import threading
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Final, cast

LARGEST_BYTES: Final = 500_000
KEPT: Final = 3


def log_file() -> Path:
    """Where the log is."""
    import platformdirs

    return platformdirs.user_log_path("dis-core", appauthor=False) / "daemon.log"


def write_log(level: int) -> None:
    """Write this process's log to the file from now on, readable for its owner only, older ones beside it.

    What the library logs is for the person whose job it is about, and only warnings of it are kept here.
    """
    path = log_file()
    handler: logging.Handler
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _PrivateFile(path, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8")
    except OSError:
        handler = logging.NullHandler()  # no log is no reason not to work
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    handler.addFilter(lambda record: record.name.startswith("dis_core.daemon") or record.levelno >= logging.WARNING)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What nothing has caught would go to standard error, which goes nowhere.
    sys.excepthook = lambda _, error, __: _log_bug(error)
    threading.excepthook = lambda bug: _log_bug(bug.exc_value)


def describe_bug(error: BaseException | None) -> str:
    """What kind of error it was and where in the code; without its message, which may name files of the user."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__ if error else None))}"


def _log_bug(error: BaseException | None) -> None:
    logging.getLogger(__name__).error("%s", describe_bug(error))


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A log that nobody else may read, also after it was begun anew."""

    def _open(self) -> TextIOWrapper:
        return cast(
            "TextIOWrapper",
            open(self.baseFilename, self.mode, encoding=self.encoding, opener=_open_private),
        )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
