"""Progress from inside a network: what takes seconds must be able to stop in the middle.

Networks know nothing about it: hooks are added to their modules for a while and then removed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from torch import nn

from dis_core.progress import Report

BEAT_S: Final = 0.1
"""Shortest time between two reports: each is a line of output, or a message to another process."""


class Stages:
    """The modules of a network as the steps of its progress."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        # Nobody knows before the first run how often its modules are called; each is at least twice in a PDFNet.
        self._steps = 2 * sum(1 for _ in network.modules())

    @contextmanager
    def reporting(self, report: Report, doing: str) -> Iterator[None]:
        """Call `report` before modules of the network run, at most a few times a second, while the block runs.

        What `report` raises passes through the network to its caller.
        """
        done = 0
        told_at = time.monotonic()

        def on_module(*_: Any) -> None:  # a hook's arguments: the module and what it is called with
            nonlocal done, told_at
            done += 1
            now = time.monotonic()
            if now - told_at >= BEAT_S:
                told_at = now
                report(min(done / self._steps, 1.0), doing)

        hooks = [module.register_forward_pre_hook(on_module) for module in self._network.modules()]
        try:
            yield
            self._steps = max(done, 1)
        finally:
            for hook in hooks:
                hook.remove()
