"""How many requests may be in work or wait for it, and how long the next one had better wait."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from dis_core.server.addresses import is_loopback
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


class Uploads:
    """Counts bodies that are on their way in, of all clients and of each.

    Those of this machine are only counted together: a proxy that stands before the server sends for everybody.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._queue = BoundedQueue(most, lambda: 1.0)
        self._most_each = most_each
        self._of: Counter[str] = Counter()

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Send a body for as long as the block takes. Raises Refused with status 429 if there are too many."""
        if self._of[client] >= self._most_each and not is_loopback(client):
            raise Refused(
                429, "rate_limit_exceeded", "your address sends too much at once", "wait a little", retry_after_s=1
            )
        with self._queue.place():
            self._of[client] += 1
            try:
                yield
            finally:
                self._of[client] -= 1
                self._of += Counter()  # which forgets those at zero
