"""Where a model runs: decided once per process, here and nowhere else."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Final, TypeVar, cast, get_args

import torch

from dis_core.errors import Cancelled, DeviceUnavailable, OutOfMemory, did_you_mean, refuse_unknown
from dis_core.model_spec import Precision
from dis_core.progress import Report
from dis_core.protocols import FULL_DTYPE, Placement

AUTO = "auto"

OTHER_NAMES: Final = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps", "apple": "mps"}
"""What people call graphics cards; "gpu" alone is closer to "cpu" by its letters."""

Answer = TypeVar("Answer")

_IMPORTED_IN: Final = os.getpid()
"""The process that loaded torch, and so perhaps used it."""


def choose_placement(requested: str = AUTO, *, precision: Precision = "full") -> Placement:
    """The placement for "auto", "cpu", "cuda", "cuda:N" or "mps"; auto takes the first of CUDA, MPS and CPU there is.

    With full precision all arithmetic is in float32, and the result is the same on every device within rounding. Half
    precision is for CUDA and MPS: matrix products and convolutions are in float16.

    Raises DeviceUnavailable if the device is unknown or not on this machine, or for half precision on the CPU.
    """
    refuse_unknown("precision", precision, get_args(Precision))
    placement = full_placement(requested)
    if precision == "full":
        return placement
    if placement.device == "cpu":
        raise DeviceUnavailable(
            "half precision needs a graphics card, and the device is cpu", hint="use full precision on the CPU"
        )
    return replace(placement, dtype="float16")


def full_placement(requested: str) -> Placement:
    """The placement for a device's name, in float32. Raises DeviceUnavailable."""
    if requested == AUTO:
        if torch.cuda.is_available():
            return Placement("cuda:0")
        return Placement("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(requested)
    except (RuntimeError, TypeError):
        raise DeviceUnavailable(
            f"unknown device {requested!r}{meant_device(requested)}",
            hint="choose auto, cpu, mps, cuda, cuda:1 and so on",
        ) from None
    if device.type == "cpu":
        return Placement("cpu")
    if device.type == "cuda" and (device.index or 0) < torch.cuda.device_count():
        return Placement(f"cuda:{device.index or 0}")
    if device.type == "mps" and torch.backends.mps.is_available():
        return Placement("mps")
    raise DeviceUnavailable(
        f"the device {requested!r} is not available here", hint=f"available: {', '.join(usable_devices())}"
    )


def meant_device(requested: object) -> str:
    """A question such as "; did you mean cuda?", or nothing."""
    name = OTHER_NAMES.get(str(requested).lower())
    return f"; did you mean {name}?" if name else did_you_mean(requested, (AUTO, "cpu", "cuda", "mps"))


def usable_devices() -> list[str]:
    """Names that `choose_placement` accepts on this machine, best first."""
    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def describe_devices() -> list[str]:
    """One line per usable device, for people."""
    lines = []
    for name in usable_devices():
        if name.startswith("cuda"):
            properties = torch.cuda.get_device_properties(name)
            lines.append(f"{name}: {properties.name}, {properties.total_memory / 2**30:.1f} GiB")
        elif name == "cpu":
            lines.append(f"cpu: {torch.get_num_threads()} threads")
        else:
            lines.append(name)
    return lines


def tiles_at_once(placement: Placement) -> int:
    """How many tiles to try in one batch; if they do not fit, smaller batches follow.

    On the CPU a batch takes as long as its tiles one by one, and more memory. Apple's GPUs keep all of an attention's
    numbers at once, 1 GiB for each of PDFNet's tiles, and not every macOS can have more than 4 GiB in one piece.
    """
    if placement.device == "cpu":
        return 1
    return 2 if placement.device.startswith("mps") else 8


@contextmanager
def run_on(placement: Placement) -> Iterator[None]:
    """Inference on a device and in its precision: no gradients are kept, and running out of memory becomes an error.

    Raises OutOfMemory.
    """
    others = "" if placement.device == "cpu" else ' or `device="cpu"`'
    with (
        torch.inference_mode(),
        in_precision_of(placement),
        within_memory(placement, "for this image", hint=f'close other programs, or try `quality="draft"`{others}'),
    ):
        yield


@contextmanager
def load_on(placement: Placement) -> Iterator[None]:
    """Loading onto a device: weights are ordinary tensors, so that they can be trained and exported too.

    In inference mode they would be tensors for which no gradient can ever be kept.

    Raises OutOfMemory.
    """
    others = "" if placement.device == "cpu" else ', or try `device="cpu"`'
    with (
        torch.no_grad(),
        within_memory(placement, "to load this model", hint=f"close other programs, or take a smaller model{others}"),
    ):
        yield


def in_precision_of(placement: Placement) -> AbstractContextManager[None]:
    """Inside the block, matrix products and convolutions are in the placement's type; weights stay float32."""
    if placement.dtype == FULL_DTYPE:
        return nullcontext()
    dtype: torch.dtype = getattr(torch, placement.dtype)
    return cast("AbstractContextManager[None]", torch.autocast(torch.device(placement.device).type, dtype))


def in_full_precision(placement: Placement) -> AbstractContextManager[None]:
    """Inside the block everything is in float32, whatever the placement says."""
    kind = torch.device(placement.device).type
    return cast("AbstractContextManager[None]", torch.autocast(kind, enabled=False))


@contextmanager
def within_memory(placement: Placement, what_for: str, *, hint: str) -> Iterator[None]:
    """Turn running out of memory, on any device, into OutOfMemory with this hint."""
    problem = OutOfMemory(f"there is not enough memory on {placement.device} {what_for}", hint=hint)
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise problem from None
    except RuntimeError as error:
        # The CPU's allocator and MPS raise a plain RuntimeError; only its words tell them from other errors.
        if "can't allocate memory" in str(error) or "out of memory" in str(error):
            raise problem from None
        raise


def was_forked() -> bool:
    """Whether this process is a copy of one that had loaded torch, made by fork; spawned processes are none."""
    return os.getpid() != _IMPORTED_IN


def run_after_fork(work: Callable[[Report], Answer], placement: Placement, report: Report) -> Answer:
    """Do `work` in a forked process, in a thread of its own.

    A fork copies one thread, and OpenMP's threads are not among those that come along. The copied thread would wait for
    them for ever; a new one gets new ones.

    Raises DeviceUnavailable for a graphics card that cannot be used here, and what `work` raises.
    """
    refuse_card_after_fork(placement)
    stopped = threading.Event()

    def report_until_stopped(fraction: float, doing: str) -> None:
        if stopped.is_set():
            raise Cancelled
        report(fraction, doing)

    with ThreadPoolExecutor(max_workers=1) as fresh:
        try:
            return fresh.submit(work, report_until_stopped).result()
        except BaseException:
            stopped.set()  # Ctrl-C reaches only the thread that waits
            raise


def refuse_card_after_fork(placement: Placement) -> None:
    """Raises DeviceUnavailable if the process that this one was forked from used the graphics card."""
    problem = DeviceUnavailable(
        f"{placement.device} cannot be used in this process, which was forked from one that used it",
        hint="start processes with spawn instead of fork, or load the model only after the fork",
    )
    if placement.device == "mps":
        raise problem
    if placement.device.startswith("cuda"):
        try:
            torch.cuda.init()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise problem from error
