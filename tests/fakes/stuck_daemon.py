"""A daemon that gets stuck in files called "stuck.png", as in one whose end never comes; it needs no model for that."""

from __future__ import annotations

import sys
import time
from typing import Any

from dis_core.daemon import lifecycle, server
from dis_core.images import reading
from dis_core.jobs.runner import JobRunner

read_picture = reading.read_picture


def read_or_get_stuck(source: Any) -> Any:  # as read_picture has them
    while getattr(source, "name", "") == "stuck.png":
        time.sleep(0.01)
    return read_picture(source)


def main(reading_s: str) -> None:
    """Run the daemon; reading may take this long."""
    reading.read_picture = read_or_get_stuck
    lifecycle.READING_S = float(reading_s)  # type: ignore[misc]
    JobRunner._pipeline_on = lambda *_: None  # type: ignore[assignment,method-assign]
    server.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
