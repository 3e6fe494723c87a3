"""The daemon's log: when it started and exited, and how long each image took. No image and no file name is in it."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import sys
import threading
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Final, cast

from dis_core.environment import log_folder

LARGEST_BYTES: Final = 500_000
KEPT: Final = 3


def log_file() -> Path | None:
    """The path of the log file; None for a user without folders, whose daemon keeps no log."""
    folder = log_folder()
    return None if folder is None else folder / "daemon.log"


def write_log(level: int) -> None:
    """Log this process to the file, which only its owner may read; older log files are kept beside it.

    What the library logs goes to the client whose job it is about. Only its warnings are kept here.
    """
    handler = _log_handler(log_file())
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    handler.addFilter(lambda record: record.name.startswith("dis_core.daemon") or record.levelno >= logging.WARNING)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Uncaught errors would go to standard error, which is closed.
    sys.excepthook = lambda _, error, __: _log_bug(error)
    threading.excepthook = lambda bug: _log_bug(bug.exc_value)


def _log_handler(path: Path | None) -> logging.Handler:
    if path is not None:
        with contextlib.suppress(OSError):  # a daemon works without a log too
            path.parent.mkdir(parents=True, exist_ok=True)
            for older in path.parent.glob(f"{path.name}*"):
                older.chmod(0o600)  # another program, or a person, may have made it
            return _PrivateFile(path, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8")
    return logging.NullHandler()


def describe_bug(error: BaseException | None) -> str:
    """The kind of error and where in the code it happened, without its message, which may name the user's files."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__ if error else None))}"


def _log_bug(error: BaseException | None) -> None:
    logging.getLogger(__name__).error("%s", describe_bug(error))


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A log that other users cannot read, even after it is rotated."""

    def _open(self) -> TextIOWrapper:
        return cast(
            "TextIOWrapper",
            open(self.baseFilename, self.mode, encoding=self.encoding, opener=_open_private),
        )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
