"""How much memory this process has taken, as far as the system says so."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def memory_of_this_process() -> int | None:
    """Bytes of main memory in use; where only the most there ever was can be had (macOS), that; None on Windows."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        pass
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_on_device() -> int | None:
    """Bytes that torch holds of a CUDA device; None where torch is not loaded or there is no such device."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
        return None
    reserved: int = torch.cuda.memory_reserved()
    return reserved
