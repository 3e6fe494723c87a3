"""`python -m dis_core` is the `dis-core` command."""

from __future__ import annotations

import os
import sys

from dis_core.threads import wait_briefly


def main() -> None:
    """Run the command line and leave with its exit status."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us; what follows expects them
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115, PTH123 - for good
    wait_briefly(os.environ)
    try:
        from dis_core.cli.main import run
        from dis_core.cli.patterns import arguments_of

        status = run(arguments_of(sys.argv[1:]))
    except KeyboardInterrupt:
        status = 130  # stopped before there was anything to stop
    sys.exit(status)


if __name__ == "__main__":
    main()
