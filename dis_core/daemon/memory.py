"""How much memory this process uses, as far as the system reports it."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def memory_of_this_process() -> int | None:
    """Bytes of main memory in use: on macOS the peak so far, which is all it reports; None on Windows."""
    memory_bytes = None
    if sys.platform != "win32":
        try:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            memory_bytes = pages * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError):
            import resource

            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            memory_bytes = peak if sys.platform == "darwin" else peak * 1024
    return memory_bytes


def memory_on_device() -> int | None:
    """Bytes that torch has reserved on a CUDA device; None if torch is not loaded or uses no such device."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
        return None
    reserved: int = torch.cuda.memory_reserved()
    return reserved
