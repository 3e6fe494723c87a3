"""What a kind of input has to say for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of input: `seeds` makes honest ones, which are then damaged, and `feed` gives one to our code.

    `feed` lets DisErrors pass; they are answers. `repair` sets checksums right, so that damage gets further.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    feed: Callable[[bytes], None]
    repair: Callable[[bytes], bytes] = bytes
    most_seconds: float = 60.0
    most_memory_mb: int = 6000
