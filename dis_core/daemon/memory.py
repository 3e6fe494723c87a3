"""How much memory this process has taken, as far as the system says so."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def memory_of_this_process() -> int | None:
    """Bytes of main memory in use; where only the most there ever was can be had (macOS), that; None on Windows."""
    used: int | None = None
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        used = peak if sys.platform == "darwin" else peak * 1024
        with contextlib.suppress(OSError, ValueError):  # macOS has no /proc
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            used = pages * os.sysconf("SC_PAGE_SIZE")
    return used


def memory_on_device() -> int | None:
    """Bytes that torch holds of a CUDA device; None where torch is not loaded or there is no such device."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
        return None
    reserved: int = torch.cuda.memory_reserved()
    return reserved
