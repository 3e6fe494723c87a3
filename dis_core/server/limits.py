"""How much one request may ask for, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server. None of them is for honest use; each is what somebody could use up without it.

    `file_bytes` is for one image and `body_bytes` for a whole request, `pixels` for one decoded image, which counts
    twice if it has 16 bits, `parts` for the fields and files of a form. `waiting` requests may be in work or wait for
    it, `uploads` may be on their way in, `uploads_each` from one address, `connections` open. A request's headers must
    come within `headers_s`; its body at `slowest_bytes_per_s` or faster, after a grace of `headers_s`, within `body_s`
    in all, and not in tiny pieces: it may take a thousand of them, and one more for each `bytes_per_piece`. An answer
    must be read at that pace too, after a grace of `unread_s`, or it is given up. Reading or making one image takes at
    most `codec_s`, the network at most `network_s`. Stopping waits `stopping_s` for what is being done.
    """

    file_bytes: int = 32_000_000
    pixels: int = 50_000_000
    parts: int = 40
    waiting: int = 16
    uploads: int = 16
    uploads_each: int = 4
    connections: int = 128
    headers_s: float = 10.0
    slowest_bytes_per_s: int = 10_000
    body_s: float = 120.0
    bytes_per_piece: int = 200
    unread_s: float = 30.0
    codec_s: float = 60.0
    network_s: float = 300.0
    stopping_s: float = 30.0

    @property
    def body_bytes(self) -> int:
        """Room for an image and a background, either of them in base 64, and for the other fields."""
        return self.file_bytes * 8 // 3 + 100_000


DEFAULT_LIMITS = Limits()
