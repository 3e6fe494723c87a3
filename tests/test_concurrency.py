"""Threads, asyncio and processes: what the page on them says is safe."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import dis_core
from dis_core import Box, CancelToken, Matte, Pipeline, api
from dis_core.errors import Cancelled
from dis_core.progress import Report, ignore
from dis_core.protocols import NO_PROMPT, Prompt, Quality, Segmentation
from dis_core.registry import manager as registry
from tests.fakes.bright_model import BRIGHT, BrightIsSubject, loaded

FLOWER = Path(__file__).parents[1] / "examples" / "flower.jpg"
PASSES = 10_000


class Slow(BrightIsSubject):
    """A segmenter that looks at an image in many passes, and counts them; `began` is set with the first."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0
        self.began = threading.Event()
        self.ended = threading.Event()

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        try:
            for done in range(PASSES):
                report(done / PASSES, "segmenting")
                self.passes += 1
                self.began.set()
                self.ended.wait(0.001)
        finally:
            self.ended.set()
        return super().__call__(image)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    """What the model "bright" is while the test runs."""
    segmenter = Slow()
    monkeypatch.setattr(registry, "models", lambda: {"bright": BRIGHT})
    monkeypatch.setattr("tests.fakes.bright_model.load", lambda *_, **__: segmenter)
    return segmenter


def gray(level: int) -> NDArray[np.uint8]:
    return np.full((6, 8, 3), level, np.uint8)


async def in_thread(work: Callable[..., Matte], *given: Any) -> Matte:
    """What the page shows."""
    token = CancelToken()
    try:
        return await asyncio.to_thread(work, *given, report=token)
    finally:
        token.cancel()


def test_a_task_that_is_canceled_ends_its_computation_within_a_pass(slow: Slow) -> None:
    pipeline = Pipeline("cpu", model="bright")

    async def main() -> int:
        task = asyncio.create_task(in_thread(pipeline.segment, gray(255)))
        await asyncio.to_thread(slow.began.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return slow.passes

    until_canceled = asyncio.run(main())

    assert slow.ended.wait(30)
    assert until_canceled <= slow.passes <= until_canceled + 1 < PASSES
    assert not pipeline._busy.locked()


def test_a_task_that_waits_for_its_turn_stops_waiting_when_it_is_canceled(slow: Slow) -> None:
    pipeline = Pipeline("cpu", model="bright")
    first, second = CancelToken(), CancelToken()

    with ThreadPoolExecutor(2) as pool:
        working = pool.submit(pipeline.segment, gray(255), report=first)
        assert slow.began.wait(30)
        waiting = pool.submit(pipeline.segment, gray(0), report=second)
        second.cancel()
        with pytest.raises(Cancelled):
            waiting.result(30)
        still_at_work = not working.done()
        first.cancel()
        with pytest.raises(Cancelled):
            working.result(30)

    assert still_at_work


@pytest.mark.usefixtures("bright_models")
def test_a_task_that_is_not_canceled_gets_its_matte() -> None:
    pipeline = Pipeline("cpu", model="bright")

    async def main() -> list[Matte]:
        return await asyncio.gather(*(in_thread(pipeline.segment, gray(level)) for level in (0, 255, 0, 255)))

    assert [matte.alpha.mean() for matte in asyncio.run(main())] == [0, 1, 0, 1]
    assert len(loaded) == 1


def test_a_real_network_ends_within_a_pass_too() -> None:
    pipeline = Pipeline("cpu", model="dis-lite")
    pipeline.load()
    doings: list[str] = []

    def note_and_cancel(fraction: float, doing: str) -> None:
        doings.append(doing)
        token.cancel()

    token = CancelToken(note_and_cancel)

    with pytest.raises(Cancelled):
        pipeline.segment(FLOWER, quality="best", refine="tiles", report=token)

    assert doings == ["segmenting"]


def test_a_token_passes_progress_on_until_it_is_canceled() -> None:
    told: list[tuple[float, str]] = []
    token = CancelToken(lambda fraction, doing: told.append((fraction, doing)))

    token(0.5, "segmenting")
    token.cancel()
    token.cancel()

    with pytest.raises(Cancelled):
        token(0.6, "segmenting")
    assert told == [(0.5, "segmenting")]


@pytest.mark.usefixtures("bright_models")
def test_a_session_can_be_used_by_several_threads() -> None:
    image = gray(255)
    boxes = [Box(0, 0, right, 6) for right in (1, 2, 3, 4, 5, 6, 7, 8)]

    with Pipeline("cpu", model="bright-where-told").open(image) as session, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda box: session.segment(prompt=box, refine="none").bounds(), boxes))

    assert found == boxes


@pytest.mark.usefixtures("bright_models")
def test_the_shared_pipeline_can_be_used_by_several_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda level: dis_core.segment(gray(level), model="bright"), [0, 255] * 4))

    assert [float(matte.alpha.mean()) for matte in found] == [0, 1] * 4


@pytest.mark.usefixtures("bright_models")
def test_threads_that_begin_at_once_load_the_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=30)

    def make(device: str, **options: Any) -> Pipeline:
        both.wait()
        return Pipeline(device, **options)

    monkeypatch.setattr(api, "_shared", {})
    monkeypatch.setattr(api, "Pipeline", make)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda level: dis_core.segment(gray(level), model="bright", device="cpu"), [0, 255]))

    assert len(loaded) == 1


@pytest.mark.usefixtures("bright_models")
def test_the_shared_pipeline_is_the_last_one_that_was_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_shared", {})

    cpu = api._shared_pipeline("cpu", "full")
    auto = api._shared_pipeline("auto", "full")

    assert api._shared_pipeline("auto", "full") is auto
    assert list(api._shared) == [("auto", "full")]
    assert api._shared_pipeline("cpu", "full") is not cpu


def share_of_subject(path: str) -> float:
    return float(dis_core.segment(path, model="dis-lite", device="cpu", refine="none").alpha.mean())


@pytest.mark.slow
@pytest.mark.parametrize("method", [name for name in multiprocessing.get_all_start_methods() if name != "fork"])
def test_new_processes_find_what_this_one_finds(method: str) -> None:
    expected = share_of_subject(str(FLOWER))

    with multiprocessing.get_context(method).Pool(1) as pool:
        (found,) = pool.map(share_of_subject, [str(FLOWER)])

    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.usefixtures("bright_models")
def test_results_can_be_sent_between_processes_and_pipelines_say_that_they_cannot() -> None:
    pipeline = Pipeline("cpu", model="bright")
    matte = pipeline.segment(gray(255))

    sent = pickle.loads(pickle.dumps(matte))  # noqa: S301 - its own

    assert np.array_equal(sent.alpha, matte.alpha)
    for stays in (pipeline, pipeline.open(gray(0))):
        with pytest.raises(TypeError, match="make one there"):
            pickle.dumps(stays)
