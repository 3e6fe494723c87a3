"""Numbers about the server in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dis_core.__version__ import __version__
from dis_core.daemon.memory import memory_of_this_process


class Metrics:
    """Counts answers by path and status, and the time that images took. No picture, name or address is in them."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self.images = 0
        self.seconds = 0.0

    def count(self, path: str, status: int) -> None:
        """Count an answer."""
        self.answers[path, status] += 1

    def text(self, *, waiting: int, most_waiting: int, starts: int) -> str:
        """All of it, with how many requests wait, how many may, and how often the model's process was started."""
        lines = self._lines(waiting=waiting, most_waiting=most_waiting, starts=starts)
        return "\n".join([*lines, ""])

    def _lines(self, *, waiting: int, most_waiting: int, starts: int) -> Iterator[str]:
        yield from _described("dis_core_info", "gauge", "the version that runs")
        yield f'dis_core_info{{version="{__version__}"}} 1'
        yield from _described("dis_core_requests_total", "counter", "answers by path and HTTP status")
        for (path, status), count in sorted(self.answers.items()):
            yield f'dis_core_requests_total{{path="{path}",status="{status}"}} {count}'
        yield from _described("dis_core_images_total", "counter", "images that were done")
        yield f"dis_core_images_total {self.images}"
        yield from _described("dis_core_image_seconds_total", "counter", "the time that these took, with waiting")
        yield f"dis_core_image_seconds_total {self.seconds:.3f}"
        yield from _described("dis_core_queue_length", "gauge", "requests that are in work or wait for it")
        yield f"dis_core_queue_length {waiting}"
        yield from _described("dis_core_queue_limit", "gauge", "how many there can be")
        yield f"dis_core_queue_limit {most_waiting}"
        yield from _described("dis_core_network_starts_total", "counter", "starts of the process that runs the model")
        yield f"dis_core_network_starts_total {starts}"
        memory_bytes = memory_of_this_process()
        if memory_bytes is not None:
            yield from _described("dis_core_memory_bytes", "gauge", "main memory of the server without its processes")
            yield f"dis_core_memory_bytes {memory_bytes}"


def _described(name: str, kind: str, words: str) -> tuple[str, str]:
    return f"# HELP {name} {words}", f"# TYPE {name} {kind}"
