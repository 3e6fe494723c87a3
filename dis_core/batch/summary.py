"""What came of very many images: a few numbers, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from dis_core.batch.rows import Row


@dataclass(frozen=True)
class Summary:
    """How many images there are and what became of them; with `run_s`, what one run did and how fast it was.

    `left` are images that nobody has finished, and `skipped` those with results that are not of this manifest.
    """

    images: int
    done: int
    failed: int
    left: int = 0
    skipped: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    run_images: int = 0
    run_megapixels: float = 0.0
    run_s: float = 0.0

    @property
    def images_per_s(self) -> float:
        """Images that the run finished, well or not, per second."""
        return self.run_images / self.run_s if self.run_s > 0 else 0.0

    @property
    def megapixels_per_s(self) -> float:
        """Megapixels of images that the run cut out, per second."""
        return self.run_megapixels / self.run_s if self.run_s > 0 else 0.0

    def facts(self) -> dict[str, object]:
        """For programs."""
        return {
            "images": self.images,
            "done": self.done,
            "failed": self.failed,
            "left": self.left,
            "skipped": self.skipped,
            "failures": self.failures,
            "run_images": self.run_images,
            "run_seconds": round(self.run_s, 3),
            "images_per_second": round(self.images_per_s, 4),
            "megapixels_per_second": round(self.megapixels_per_s, 4),
        }

    def lines(self) -> list[str]:
        """For people."""
        parts = [f"{self.done:,} done", f"{self.failed:,} failed"]
        if self.failures:
            parts[-1] += f" ({', '.join(f'{code} {count:,}' for code, count in self.failures.items())})"
        parts += [f"{self.skipped:,} skipped"] if self.skipped else []
        parts += [f"{self.left:,} left"] if self.left else []
        lines = [f"{self.images:,} images: {', '.join(parts)}"]
        if self.run_images:
            rates = f"{self.images_per_s:.3g} images and {self.megapixels_per_s:.3g} megapixels per second"
            lines.append(f"this run: {self.run_images:,} images in {self.run_s:,.1f} s, {rates}")
        return lines


def counted(rows: Iterable[Row], *, skipped: int = 0) -> Summary:
    """The summary of the last rows of some images."""
    status: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for row in rows:
        status[row.status] += 1
        if row.status == "failed":
            codes[row.code] += 1
    return Summary(
        images=status["begun"] + status["done"] + status["failed"] + skipped,
        done=status["done"],
        failed=status["failed"],
        left=status["begun"],
        skipped=skipped,
        failures=dict(codes.most_common()),
    )
