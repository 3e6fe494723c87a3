"""Asking `dis-core adjust` for a matte with other edges, and its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .events import LONGEST_LINE_BYTES, Failed
from .settings import Box, Settings


@dataclass(frozen=True)
class Answer:
    """What became of one request."""

    number: int
    failed: Failed | None = None


def adjust_arguments(matte: str, image: str) -> list[str]:
    """The arguments of dis-core that hold a matte, and the image that it is of for cutouts."""
    return ["adjust", matte, "--image", image]


def edges_of(settings: Settings) -> dict[str, Any]:
    """What a request says about the edge."""
    threshold = settings.threshold_percent / 100 if settings.threshold_percent else None
    return {"grow": settings.grow_px, "feather": settings.feather_px, "threshold": threshold}


def look_request(settings: Settings, output: str, box: Box, size: tuple[int, int]) -> dict[str, Any]:
    """A look at a part, x, y, width and height in pixels of the matte, in a gray file of this width and height."""
    return {**edges_of(settings), "output": output, "box": list(box), "size": list(size)}


def result_request(settings: Settings, output: str) -> dict[str, Any]:
    """The whole result: the gray matte, or for a new layer the subject with the colors that are asked for."""
    colors = settings.colors if settings.result == "cut" else None
    return {**edges_of(settings), "output": output, "colors": colors}


def request_line(request: dict[str, Any], number: int) -> bytes:
    """The request as a line for standard input."""
    return json.dumps({**request, "number": number}).encode("ascii") + b"\n"


class AnswerReader:
    """Reads the standard output of `dis-core adjust` as it arrives."""

    def __init__(self) -> None:
        self.failed: Failed | None = None
        """What it said when it could not begin."""
        self._rest = b""

    def feed(self, data: bytes) -> list[Answer]:
        """Take output of any length and return the answers in it."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LONGEST_LINE_BYTES]
        return [answer for answer in map(self._take, lines) if answer is not None]

    def _take(self, line: bytes) -> Answer | None:
        try:
            event = json.loads(line.decode("utf-8", "replace"))
            kind, number = event.get("event"), event.get("number")
        except (ValueError, AttributeError, RecursionError):
            return None  # some library's output
        if kind == "result" and isinstance(number, int):
            return Answer(number)
        if kind != "error":
            return None
        failed = Failed(str(event.get("code", "")), str(event.get("message", "")), str(event.get("hint", "")))
        if isinstance(number, int):
            return Answer(number, failed)
        self.failed = failed
        return None
