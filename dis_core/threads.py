"""How threads wait for each other and share memory: chosen once by a program, and never by the library.

A network is thousands of short parts that several threads do together, and after each part they wait for the last one.
By default GNU OpenMP lets them spin for milliseconds, in case the next part begins. On a busy machine the last one does
not run, because others have its core, and spinning keeps it from them: everything takes many times as long. A short
spin bridges the pause between two parts, and then a thread sleeps (docs/explanation/speed.md).
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from typing import Final

BRIEFLY: Final = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "0"}
"""Turns of a loop for GNU OpenMP, which torch brings on Linux; milliseconds for LLVM's and Intel's, which it brings on
macOS and Windows."""

DECIDED_BY: Final = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""With any of these in the environment somebody has decided already."""

_M_ARENA_MAX: Final = -8
"""A number of GNU's malloc.h."""

ARENAS: Final = 2


def wait_briefly(environment: MutableMapping[str, str]) -> None:
    """Let threads of programs with this environment spin only briefly, unless it says how they wait."""
    if not any(name in environment for name in DECIDED_BY):
        environment.update(BRIEFLY)


def share_free_memory() -> None:
    """Let the threads of this program, which have none yet, share two pools of memory, where the C library is GNU's.

    By default each thread gets a pool of its own, and what it frees stays there for it alone: 60 MB of 1.3 GB in a
    folder of large photographs. If the environment says how many there may be, it stays so.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        import ctypes  # every command starts with this module, and only folders need that one

        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have no such thing
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
