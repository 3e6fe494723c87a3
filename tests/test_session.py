"""One image that is asked about several times: what is computed once, what comes out, and what is let go of."""

from __future__ import annotations

import gc
import inspect
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from dis_core import Box, Picture, Pipeline, Points, Session
from dis_core.errors import BadRequest, Cancelled, NoSuchFile
from dis_core.images import reading
from dis_core.models.dis_sam.segmenter import DisSamSegmenter
from dis_core.models.pdfnet.segmenter import PDFNetSegmenter
from dis_core.prompts import PromptLike
from dis_core.protocols import NO_PROMPT, Placement, Prompt, Segmenter
from dis_core.refinement.remembering import KEPT_AT_MOST, KeptImage
from dis_core.registry import manager as registry
from tests.fakes import bright_model, small_dis_sam, small_pdfnet
from tests.fakes.bright_model import BRIGHT, BRIGHT_WHERE_TOLD, BrightIsSubject
from tests.fakes.scripted_segmenter import Scripted

FLOWER = Path(__file__).parents[1] / "examples" / "flower.jpg"
PROMPTS: tuple[PromptLike, ...] = (
    Box(20, 10, 100, 80),
    Points([(64, 40)], background=[(5, 5)]),
    [Box(10, 10, 60, 70), Points([(80, 50)])],
)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, bright_models: None) -> None:
    """A small DIS-SAM and a small PDFNet with its depth model, beside the others."""
    sam = replace(BRIGHT_WHERE_TOLD, name="small-dis-sam", loader="tests.test_session:load_dis_sam")
    deep = replace(BRIGHT, name="small-pdfnet", loader="tests.test_session:load_pdfnet", depth_model="depth-tiny")
    known = {**registry.models(), sam.name: sam, deep.name: deep}
    monkeypatch.setattr(registry, "models", lambda: known)


def load_dis_sam(weights: Path, *, placement: Placement, estimate_depth: object) -> DisSamSegmenter:
    return small_dis_sam.segmenter(placement)


def load_pdfnet(weights: Path, *, placement: Placement, estimate_depth: object) -> PDFNetSegmenter:
    return small_pdfnet.segmenter(placement)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "flower.png"
    Image.open(FLOWER).resize((128, 90)).save(path)
    return path


def runs_of(module: nn.Module) -> list[None]:
    """A list that grows by one with each run of a module."""
    runs: list[None] = []
    module.register_forward_pre_hook(lambda *_: runs.append(None))
    return runs


def segmenter_of(pipeline: Pipeline) -> Any:
    return pipeline._loaded[-1].segmenter


@pytest.mark.usefixtures("models")
def test_three_prompts_run_the_encoder_once_and_give_what_separate_calls_give(photo: Path) -> None:
    pipeline = Pipeline("cpu", model="small-dis-sam")
    pipeline.load()
    runs = runs_of(segmenter_of(pipeline).sam.network.vision_encoder)

    with pipeline.open(photo) as session:
        together = [session.segment(prompt=prompt) for prompt in PROMPTS]

    assert len(runs) == 1
    alone = [Pipeline("cpu").segment(photo, model="small-dis-sam", prompt=prompt) for prompt in PROMPTS]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.alpha, other.alpha)
        assert one.refinement is not None
        assert other.refinement is not None
        assert one.refinement.method == other.refinement.method
    assert not np.array_equal(together[0].alpha, together[1].alpha)


@pytest.mark.usefixtures("models")
def test_two_sessions_in_turn_and_an_image_between_them_do_not_disturb_each_other(photo: Path) -> None:
    pipeline = Pipeline("cpu", model="small-dis-sam")
    pipeline.load()
    runs = runs_of(segmenter_of(pipeline).sam.network.vision_encoder)
    other = np.asarray(Image.open(photo))[::-1].copy()

    with pipeline.open(photo) as one, pipeline.open(other) as two:
        for prompt in PROMPTS:
            one.segment(prompt=prompt)
            two.segment(prompt=prompt)
            pipeline.segment(np.zeros((40, 40, 3), np.uint8), prompt=Box(5, 5, 20, 20))

    assert len(runs) == 3


@pytest.mark.usefixtures("models")
def test_depth_is_estimated_once_for_all_qualities(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline("cpu", model="small-pdfnet")
    pipeline.load()
    segmenter = segmenter_of(pipeline)
    looks: list[None] = []

    def counted(*image: Any, estimate: Callable[..., Any] = segmenter.estimate_depth, **more: Any) -> Any:
        looks.append(None)
        return estimate(*image, **more)

    monkeypatch.setattr(segmenter, "estimate_depth", counted)

    with pipeline.open(photo) as session:
        together = [session.segment(quality="normal"), session.segment(quality="best"), session.segment(depth=ramp())]
        again = session.segment(quality="normal")

    assert len(looks) == 1
    fresh = Pipeline("cpu", model="small-pdfnet")
    alone = [fresh.segment(photo), fresh.segment(photo, quality="best"), fresh.segment(photo, depth=ramp())]
    for one, other in zip([*together, again], [*alone, alone[0]], strict=True):
        assert np.array_equal(one.alpha, other.alpha)
        assert one.depth is not None
        assert other.depth is not None
        assert np.array_equal(one.depth, other.depth)


def ramp() -> NDArray[np.float32]:
    return np.linspace(0, 1, 90 * 128, dtype=np.float32).reshape(90, 128)


@pytest.mark.usefixtures("bright_models")
def test_a_model_without_prompts_looks_at_the_image_once_for_each_quality_and_part(photo: Path) -> None:
    pipeline = Pipeline("cpu", model="bright")

    with pipeline.open(photo) as session:
        for refine in ("none", "fast", "tiles", "none"):
            session.segment(refine=refine)
        session.segment(quality="best", refine="none")
        session.segment(roi=(10, 10, 60, 60), refine="none")
        session.segment(roi=(10, 10, 60, 60), refine="fast")

    shapes = [image.shape for image in bright_model.loaded[-1].seen]
    assert shapes[:2] == [(90, 128, 3)] * 2
    assert (90, 128, 3) not in shapes[2:]
    assert len(shapes) == len(set(shapes)) + 1


@pytest.mark.usefixtures("bright_models")
def test_the_picture_is_decoded_and_prepared_once(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline("cpu", model="bright-where-told")
    decoded = counted(monkeypatch, reading, "_decode")
    prepared = counted(monkeypatch, Picture, "srgb")

    with pipeline.open(photo) as session:
        mattes = [session.segment(prompt=Box(0, 0, 10 * number, 50)) for number in (1, 2, 3)]

    assert (len(decoded), len(prepared)) == (1, 1)
    assert mattes[0].picture is mattes[2].picture


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[None]:
    """A list that grows by one with each call of what `owner` has under that name."""
    calls: list[None] = []
    original = getattr(owner, name)

    def call(*given: Any, **more: Any) -> Any:
        calls.append(None)
        return original(*given, **more)

    monkeypatch.setattr(owner, name, call)
    return calls


@pytest.mark.usefixtures("bright_models")
def test_whoever_writes_into_a_matte_does_not_change_the_next_one(photo: Path) -> None:
    with Pipeline("cpu", model="bright").open(photo) as session:
        first = session.segment(refine="none")
        expected = first.alpha.copy()
        first.alpha[:] = 0.25
        second = session.segment(refine="none")
        second.alpha[:] = 0.75

        third = session.segment(refine="none")

    assert np.array_equal(third.alpha, expected)


@pytest.mark.usefixtures("models")
def test_what_was_found_out_is_freed_when_the_session_ends(photo: Path) -> None:
    pipeline = Pipeline("cpu", model="small-dis-sam")
    with pipeline.open(photo) as session:
        session.segment(prompt=PROMPTS[0])
        kept = session._kept
        assert kept is not None
        held: list[weakref.ref[Any]] = [
            weakref.ref(kept),
            weakref.ref(kept.picture),
            weakref.ref(kept._findings[-1][1].finding.embedding),
        ]
        del kept
        assert all(reference() is not None for reference in held)

    gc.collect()

    assert [reference() for reference in held] == [None] * 3


@pytest.mark.usefixtures("bright_models")
def test_findings_are_bounded() -> None:
    kept = KeptImage(reading.as_picture(np.zeros((4, 4, 3), np.uint8)))

    for number in range(20):
        kept.keep(number, number)
        assert kept.find(5) == (5 if number >= 5 else None)

    assert [kept.find(number) for number in (5, 19, 15, 14, 4)] == [5, 19, 15, None, None]
    assert len(kept._findings) == KEPT_AT_MOST


@pytest.mark.usefixtures("bright_models")
def test_a_closed_session_refuses_in_words(photo: Path) -> None:
    pipeline = Pipeline("cpu", model="bright")
    with pipeline.open(photo) as session:
        session.segment()

    with pytest.raises(BadRequest, match="this session is closed"):
        _ = session.picture
    with pytest.raises(BadRequest, match="this session is closed") as caught:
        session.segment()
    assert caught.value.hint == "open the image again: `pipeline.open(image)`"
    session.close()


@pytest.mark.usefixtures("bright_models")
def test_a_session_describes_itself_in_a_line(photo: Path) -> None:
    session = Pipeline("cpu", model="bright").open(photo)

    assert repr(session) == f"<Session {str(photo)!r}: 128 x 90>"
    session.close()
    assert repr(session) == f"<Session {str(photo)!r}: 128 x 90, closed>"


def test_what_is_no_image_is_refused_when_it_is_opened() -> None:
    with pytest.raises(NoSuchFile):
        Pipeline("cpu").open("missing.png")


def test_a_session_has_the_options_of_segment() -> None:
    of_pipeline = list(inspect.signature(Pipeline.segment).parameters.values())
    of_session = list(inspect.signature(Session.segment).parameters.values())

    assert [of_pipeline[0], *of_pipeline[2:]] == of_session


@pytest.mark.usefixtures("models")
def test_what_was_found_out_before_a_prompt_was_canceled_is_not_lost(photo: Path) -> None:
    def cancel(fraction: float, doing: str) -> None:
        if doing == "segmenting":
            raise Cancelled

    pipeline = Pipeline("cpu", model="small-dis-sam")
    pipeline.load()
    runs = runs_of(segmenter_of(pipeline).sam.network.vision_encoder)

    with pipeline.open(photo) as session:
        with pytest.raises(Cancelled):
            session.segment(prompt=PROMPTS[0], report=cancel)
        found = session.segment(prompt=PROMPTS[0])

    assert len(runs) == 1
    alone = Pipeline("cpu").segment(photo, model="small-dis-sam", prompt=PROMPTS[0])
    assert np.array_equal(found.alpha, alone.alpha)


@pytest.mark.parametrize("segmenter", [Scripted(), BrightIsSubject()], ids=["scripted", "bright"])
def test_a_segmenter_with_a_memory_does_all_that_it_does_without(segmenter: Segmenter) -> None:
    kept = KeptImage(reading.as_picture(np.zeros((40, 50, 3), np.uint8)))
    image = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)
    remembering: Any = kept.segmenter_for(segmenter, model="a")

    found = [remembering(image), remembering(image.copy()), segmenter(image)]

    assert np.array_equal(found[0].alpha, found[2].alpha)
    assert np.array_equal(found[1].alpha, found[2].alpha)
    assert remembering.side_for("normal") == segmenter.side_for("normal")
    assert remembering.larger_side_for("normal") is None
    (tile,) = remembering.segment_tiles([image], known=[found[0]], quality="normal")
    assert np.array_equal(tile, segmenter.segment_tiles([image], known=[found[0]], quality="normal")[0])


def test_models_and_parts_are_told_apart() -> None:
    kept = KeptImage(reading.as_picture(np.zeros((8, 8, 3), np.uint8)))
    one, two = BrightIsSubject(), BrightIsSubject()
    bright, dark = np.ones((8, 8, 3), np.float32), np.zeros((8, 8, 3), np.float32)

    for segmenter, model in ((one, "a"), (two, "b"), (one, "a")):
        for image in (bright, dark):
            found = kept.segmenter_for(segmenter, model=model)(image, prompt=NO_PROMPT)
            assert found.alpha.mean() == image.mean()
    kept.segmenter_for(one, model="a")(bright, prompt=Prompt(depth=bright[..., 0]))

    assert (len(one.seen), len(two.seen)) == (3, 2)
