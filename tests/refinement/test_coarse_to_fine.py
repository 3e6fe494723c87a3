"""From the first look at an image to a matte that is as fine: which passes are made, and which of them count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from dis_core.errors import BadRequest, Cancelled
from dis_core.geometry import Box
from dis_core.progress import Report, ignore
from dis_core.protocols import NO_PROMPT, Effort, Prompt, Quality, Segmentation
from dis_core.refinement.coarse_to_fine import Passes, choose_refiner

Plane = NDArray[np.float32]


@dataclass
class Nearsighted:
    """Finds what is bright, as well as an input of `side_px` allows; it notes the sizes that it was shown."""

    side_px: int = 128
    blind_when_near: bool = False
    looks: list[tuple[int, int]] = field(default_factory=list)
    tiles: int = 0

    def __call__(
        self, image: Plane, *, prompt: Prompt = NO_PROMPT, quality: Quality = "normal", report: Report = ignore
    ) -> Segmentation:
        from dis_core.models.resample import resize_to_corners, shrink_smoothly
        from dis_core.models.tensors import to_array, to_tensor

        report(0.5, "segmenting")
        size = image.shape[0], image.shape[1]
        self.looks.append(size)
        alpha = np.ascontiguousarray(image[:, :, 1])
        if self.blind_when_near and len(self.looks) > 1:
            alpha = 1 - alpha
        small = shrink_smoothly(to_tensor(alpha), (self.side_px, self.side_px))
        return Segmentation(to_array(resize_to_corners(small, size)), np.zeros(size, np.float32))

    def side_for(self, quality: Quality) -> int:
        return self.side_px

    def segment_tiles(
        self,
        tiles: Sequence[Plane],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> list[Plane]:
        self.tiles += len(tiles)
        return [np.ascontiguousarray(tile[:, :, 1]) for tile in tiles]


def scene(size: tuple[int, int], box: tuple[int, int, int, int]) -> tuple[Plane, Plane]:
    """A gray image with a bright box, and the box as a matte."""
    left, top, right, bottom = box
    alpha = np.zeros(size, np.float32)
    alpha[top:bottom, left:right] = 1
    return np.repeat(alpha[:, :, np.newaxis], 3, axis=2), alpha


def passes(segmenter: Nearsighted, refine: str) -> Passes:
    return Passes(segmenter, "normal", refine, Effort(max_tiles=1000))


@pytest.mark.parametrize(
    ("size", "device", "expected"),
    [
        ((1280, 1280), "cpu", "none"),
        ((10, 10), "cuda:0", "none"),
        ((1281, 300), "cpu", "larger"),
        ((6000, 4000), "cpu", "larger"),
        ((1281, 300), "cuda:0", "tiles"),
        ((100, 3000), "cuda:0", "fast"),
        ((60, 20000), "cpu", "fast"),
    ],
)
def test_auto_means_as_much_as_pays_on_the_device(size: tuple[int, int], device: str, expected: str) -> None:
    choice = choose_refiner("auto", size, 1024, "normal", device=device, larger_px=1536)

    assert choice.name == expected
    assert choice.reason


def test_auto_means_matting_on_a_cpu_if_the_model_takes_no_larger_look() -> None:
    assert choose_refiner("auto", (3000, 4000), 1024, "normal", device="cpu", larger_px=None).name == "matting"


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize(("size", "expected"), [((640, 600), "none"), ((641, 600), "matting"), ((60, 20000), "fast")])
def test_what_counts_for_auto_is_the_side_at_which_the_model_answers(
    size: tuple[int, int], expected: str, device: str
) -> None:
    choice = choose_refiner("auto", size, 1024, "normal", device=device, answers_px=512)

    assert choice.name == expected
    assert choice.reason


def test_a_draft_is_refined_the_fast_way() -> None:
    assert choose_refiner("auto", (3000, 4000), 512, "draft", device="cuda:0", larger_px=768).name == "fast"


def test_a_small_subject_in_a_small_image_gets_no_second_look() -> None:
    image, _ = scene((128, 128), (50, 50, 70, 70))
    segmenter = Nearsighted()

    found, refinement = passes(segmenter, "tiles").over(image, NO_PROMPT, ignore)

    assert segmenter.looks == [(128, 128)]
    assert refinement.closer_look == "not needed"
    assert np.array_equal(found.alpha, segmenter(image).alpha)


@pytest.mark.parametrize("name", ["fast", "matting", "larger", "tiles"])
def test_a_refiner_that_is_named_is_taken(name: str) -> None:
    choice = choose_refiner(name, (10, 10), 1024, "normal")

    assert choice.refiner is not None
    assert choice.refiner.name == name
    assert choice.reason == ""


def test_an_unknown_refiner_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BadRequest, match="slow") as caught:
        _ = choose_refiner("slow", (10, 10), 1024, "normal").refiner

    assert all(name in caught.value.hint for name in ("none", "fast", "matting", "larger", "tiles", "auto"))


def test_without_refinement_the_image_is_looked_at_once() -> None:
    image, _ = scene((800, 900), (300, 300, 420, 400))
    segmenter = Nearsighted()

    found, refinement = passes(segmenter, "none").over(image, NO_PROMPT, ignore)

    assert segmenter.looks == [(800, 900)]
    assert segmenter.tiles == 0
    assert found.alpha.shape == (800, 900)
    assert (refinement.method, refinement.closer_look, refinement.levels) == ("none", "not needed", ())


def test_a_small_subject_is_looked_at_from_near_and_then_tile_by_tile() -> None:
    image, exact = scene((1600, 1600), (500, 600, 900, 1000))
    segmenter = Nearsighted()

    found, refinement = passes(segmenter, "tiles").over(image, NO_PROMPT, ignore)

    assert refinement.closer_look == "taken"
    assert refinement.method == "tiles"
    assert segmenter.looks[0] == (1600, 1600)
    assert max(segmenter.looks[1]) < 600
    # From near the subject is some 530 pixels: a level less than for the whole image.
    assert len(refinement.levels) == 3
    assert refinement.tiles_run == segmenter.tiles > 0
    assert np.abs(found.alpha - exact).mean() < 0.001


def test_a_second_look_that_sees_something_else_does_not_count() -> None:
    image, exact = scene((1600, 1600), (500, 600, 900, 1000))
    segmenter = Nearsighted(blind_when_near=True)

    found, refinement = passes(segmenter, "tiles").over(image, NO_PROMPT, ignore)

    assert refinement.closer_look == "rejected"
    assert len(refinement.levels) == 4
    assert np.abs(found.alpha - exact).mean() < 0.001


def test_a_subject_that_fills_the_image_is_looked_at_once_as_a_whole() -> None:
    image, _ = scene((600, 600), (60, 60, 540, 540))
    segmenter = Nearsighted()

    _, refinement = passes(segmenter, "auto").over(image, NO_PROMPT, ignore)

    assert segmenter.looks == [(600, 600)]
    assert refinement.closer_look == "not needed"


def test_the_fast_way_looks_once() -> None:
    image, _ = scene((800, 900), (300, 300, 420, 400))
    segmenter = Nearsighted()

    _, refinement = passes(segmenter, "fast").over(image, NO_PROMPT, ignore)

    assert segmenter.looks == [(800, 900)]
    assert segmenter.tiles == 0
    assert refinement.method == "fast"


@pytest.mark.parametrize("refine", ["none", "fast", "tiles", "auto"])
def test_outside_of_a_box_there_is_nothing_whatever_the_refinement(refine: str) -> None:
    image, _ = scene((900, 900), (100, 100, 800, 800))
    box = Box(300, 250, 600, 700)

    found, _ = passes(Nearsighted(64), refine).within(box, image, NO_PROMPT, ignore)

    outside = np.ones((900, 900), bool)
    outside[250:700, 300:600] = False
    assert (found.alpha[outside] == 0).all()
    assert found.alpha[300:650, 350:550].min() > 0.99


@pytest.mark.parametrize("refine", ["none", "fast", "tiles"])
@pytest.mark.parametrize("box", [(500, 600, 900, 1000), (20, 20, 1500, 1580)])
def test_progress_goes_from_the_first_look_to_the_last_tile(refine: str, box: tuple[int, int, int, int]) -> None:
    image, _ = scene((1600, 1600), box)
    told: list[float] = []

    passes(Nearsighted(), refine).over(image, NO_PROMPT, lambda fraction, _: told.append(fraction))

    assert told == sorted(told)
    assert told[0] >= 0
    assert told[-1] <= 1


def test_cancel_is_heeded_in_the_second_look() -> None:
    image, _ = scene((1600, 1600), (500, 600, 900, 1000))
    segmenter = Nearsighted()

    def stop_at_second_look(fraction: float, doing: str) -> None:
        if doing == "segmenting" and segmenter.looks:
            raise Cancelled

    with pytest.raises(Cancelled):
        passes(segmenter, "tiles").over(image, NO_PROMPT, stop_at_second_look)

    assert len(segmenter.looks) == 1
