"""The log of a run: one JSON object per line, and the same for TensorBoard if wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.errors import BadRequest
from dis_core.files import appending_to, atomic_write

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Journal:
    """Appends to `log.jsonl` in `folder`."""

    def __init__(self, folder: Path, *, board: SummaryWriter | None = None) -> None:
        self.file = folder / "log.jsonl"
        self.board = board

    def forget_after(self, step: int) -> None:
        """Drop what a killed run logged after its last saved state, including an unfinished line."""
        if not self.file.exists():
            return
        kept = [line for line in self.file.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
        with atomic_write(self.file) as beside:
            beside.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def losses(self, step: int, losses: Mapping[str, float], *, spent_s: float) -> None:
        self._write("losses", step, {**losses, "spent_s": round(spent_s, 1)})

    def evaluation(self, step: int, scores: Mapping[str, float]) -> None:
        self._write("evaluation", step, scores)

    def _write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        with appending_to(self.file) as file:
            file.write(json.dumps({"kind": kind, "step": step, **{k: round(v, 5) for k, v in values.items()}}) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{kind}/{name}", value, step)


def _step_of(line: str) -> float:
    """The step of a line; infinity for an unfinished line."""
    try:
        return float(json.loads(line)["step"])
    except ValueError:
        return float("inf")


def open_board(folder: Path, *, after_step: int) -> SummaryWriter:
    """A writer of TensorBoard event files in `folder`; events after `after_step` are dropped.

    Raises BadRequest if TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BadRequest(
            "TensorBoard is not installed", hint="run: pip install 'dis-core[training]', or leave out `tensorboard`"
        ) from None
    return SummaryWriter(str(folder), purge_step=after_step + 1)
