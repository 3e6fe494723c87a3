"""A daemon whose libraries keep all its threads waiting while they are loaded, as torch's do on a busy machine."""

from __future__ import annotations

import ctypes
import sys

from dis_core.daemon import server
from dis_core.jobs.runner import JobRunner


def main(stall_s: str) -> None:
    """Run the daemon; loading takes this long."""
    system = ctypes.PyDLL(None)  # its functions run without letting go of the interpreter's lock
    JobRunner.load_libraries = lambda _: system.sleep(int(stall_s))  # type: ignore[assignment,method-assign]
    server.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
