"""How many requests may be in work or wait for it, and how long the next one had better wait."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from dis_core.server.answers import Refused

LONGEST_WAIT_S: Final = 300


class BoundedQueue:
    """Counts who is in it. `seconds_each` says how long one took lately."""

    def __init__(self, most: int, seconds_each: Callable[[], float]) -> None:
        self.most = most
        self.inside = 0
        self._seconds_each = seconds_each

    @contextmanager
    def place(self) -> Iterator[None]:
        """Be in the queue for as long as the block takes. Raises Refused with status 429 if it is full."""
        self.refuse_if_full()
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    def refuse_if_full(self) -> None:
        """Raises Refused with status 429 if there is no place."""
        if self.inside >= self.most:
            raise self._full()

    def _full(self) -> Refused:
        wait_s = min(max(math.ceil(self.inside * self._seconds_each()), 1), LONGEST_WAIT_S)
        return Refused(
            429,
            "rate_limit_exceeded",
            f"{self.inside} images are being done or wait already",
            f"try again in {wait_s} s",
            retry_after_s=wait_s,
        )
