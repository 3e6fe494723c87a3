"""DIS-SAM around its arithmetic: prompts, the embedding that is kept, tiles, checkpoints, images of any kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from dis_core.errors import BadRequest, Cancelled, WeightsCorrupt
from dis_core.geometry import Box, Points
from dis_core.images.compositing import bounds_of
from dis_core.images.reading import read_picture
from dis_core.models.dis_sam.segmenter import DisSamSegmenter
from dis_core.models.dis_sam.spec import DIS_SAM_BASE
from dis_core.models.sam.checkpoint import convert_base, converted
from dis_core.models.sam.network import SAM, base_network
from dis_core.models.sam.spec import SAM_BASE
from dis_core.pipeline import Pipeline
from dis_core.progress import Report, ignore
from dis_core.prompts import PromptObject
from dis_core.protocols import Effort, Memory, Placement, Prompt, Segmentation
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.refinement.resizing import shrunk
from dis_core.weights import store
from tests.fakes.small_dis_sam import segmenter as plain_segmenter
from tests.fakes.small_isnet import small_network
from tests.recipes.isnet import published_state_dict
from tests.recipes.sam import authors_state_dict, tiny_network, tiny_sam

FLOWER = Path(__file__).parents[3] / "examples" / "flower.jpg"
BOX = Prompt(boxes=(Box(30, 20, 200, 180),))
POINT = Prompt(points=Points([(160, 100)], background=[(10, 10)]))


@pytest.fixture(scope="module")
def flower() -> NDArray[np.float32]:
    return shrunk(read_picture(FLOWER).srgb(), (214, 320))


class Outlines(SAM):
    """Takes for the mask what the boxes are around; so tests know it."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(
        self,
        image: NDArray[np.float32],
        wanted: Sequence[PromptObject],
        *,
        report: Report,
        memory: Memory | None = None,
    ) -> NDArray[np.bool_]:
        self.runs += 1
        mask = np.zeros(image.shape[:2], np.bool_)
        for box, _ in wanted:
            if box is not None:
                mask[box.top : box.bottom, box.left : box.right] = True
        return mask


class RepeatsTheMask(nn.Module):
    """A refiner that notes what it is shown, and answers with the mask in it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        self.seen.append(planes)
        return 20 * planes[:, 3:4] - 10


def outlining(refiner: nn.Module) -> DisSamSegmenter:
    return DisSamSegmenter(refiner, sam=Outlines(), side_px=256, placement=Placement("cpu"))


@contextmanager
def runs_of(module: nn.Module) -> Iterator[list[tuple[int, ...]]]:
    """What a module was shown, by sizes, while the block runs."""
    seen: list[tuple[int, ...]] = []
    handle = module.register_forward_pre_hook(lambda _module, inputs: seen.append(tuple(inputs[0].shape)))
    yield seen
    handle.remove()


# Prompts


def test_without_a_prompt_it_asks_for_one(flower: NDArray[np.float32]) -> None:
    with pytest.raises(BadRequest, match="box"):
        plain_segmenter()(flower)


def test_several_objects_are_united_in_one_mask(flower: NDArray[np.float32]) -> None:
    segmenter = plain_segmenter()
    other = Box(100, 50, 310, 200)

    one, two = (segmenter(flower, prompt=Prompt(boxes=(box,))).guide for box in (BOX.boxes[0], other))
    both = segmenter(flower, prompt=Prompt(boxes=(BOX.boxes[0], other)))

    assert one is not None
    assert two is not None
    assert both.guide is not None
    assert not np.array_equal(one, two)
    assert np.array_equal(both.guide, np.maximum(one, two))


def test_points_change_what_a_box_means(flower: NDArray[np.float32]) -> None:
    segmenter = plain_segmenter()

    alone = segmenter(flower, prompt=BOX).guide
    told = segmenter(flower, prompt=Prompt(boxes=BOX.boxes, points=POINT.points)).guide

    assert alone is not None
    assert told is not None
    assert (alone != told).mean() > 0.01


def test_where_sam_finds_nothing_nothing_is_the_answer(flower: NDArray[np.float32]) -> None:
    segmenter = outlining(RepeatsTheMask())
    nowhere = Prompt(points=Points([(5, 5)]))  # this SAM finds nothing there

    found = segmenter(flower, prompt=nowhere)

    assert found.alpha.shape == flower.shape[:2]
    assert not found.alpha.any()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (60, 50)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, None])
def test_every_image_gets_a_matte_of_its_size_in_range(size: tuple[int, int], value: float | None) -> None:
    image = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    if value is not None:
        image[:] = value

    for segmenter in (plain_segmenter(), outlining(small_network(5))):
        alpha = segmenter(image, prompt=Prompt(boxes=(Box(0, 0, size[1], size[0]),))).alpha

        assert alpha.shape == size
        assert np.isfinite(alpha).all()
        assert alpha.min() >= 0
        assert alpha.max() <= 1


# The embedding that is kept


def test_a_second_prompt_on_the_same_picture_does_not_run_the_encoder(flower: NDArray[np.float32]) -> None:
    segmenter = plain_segmenter()
    with runs_of(segmenter.sam.network.vision_encoder) as runs:
        segmenter(flower, prompt=BOX)
        again = segmenter(flower.copy(), prompt=POINT)

    assert runs == [(1, 3, 256, 256)]
    assert np.array_equal(again.alpha, plain_segmenter()(flower, prompt=POINT).alpha)


def test_another_picture_is_embedded_anew(flower: NDArray[np.float32]) -> None:
    segmenter = plain_segmenter()
    other = flower.copy()
    other[100:110, 100:110] = 0
    segmenter(flower, prompt=BOX)
    with runs_of(segmenter.sam.network.vision_encoder) as runs:
        found = segmenter(other, prompt=BOX)
        segmenter(flower, prompt=BOX)

    assert len(runs) == 2
    assert np.array_equal(found.alpha, plain_segmenter()(other, prompt=BOX).alpha)


def test_an_encoder_that_was_cancelled_leaves_nothing_half_done(flower: NDArray[np.float32]) -> None:
    segmenter = plain_segmenter()

    def cancel(fraction: float, doing: str) -> None:
        if fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter(flower, prompt=BOX, report=cancel)

    assert np.array_equal(segmenter(flower, prompt=BOX).alpha, plain_segmenter()(flower, prompt=BOX).alpha)


@pytest.mark.slow
def test_published_files_are_adopted_and_cut_out_what_is_named_in_a_photo(tmp_path: Path) -> None:
    network: nn.Module = base_network()
    state = network.state_dict()
    published = {key: torch.randn_like(value) / max(value[0].numel(), 1) ** 0.5 for key, value in state.items()}
    save_file(published, tmp_path / "sam.safetensors")
    torch.save(published_state_dict(5), tmp_path / "refiner.pth")
    store.adopt(SAM_BASE, tmp_path / "sam.safetensors")
    store.adopt(DIS_SAM_BASE, tmp_path / "refiner.pth")

    pipeline = Pipeline("cpu")
    box = Box(100, 50, 500, 380)
    matte = pipeline.segment(FLOWER, model="dis-sam-base", prompt=box, quality="draft", refine="none")

    assert matte.model.startswith("dis-sam-base@sha256-")
    assert pipeline.loaded == ("dis-sam-base", "sam-vit-base")
    assert np.isfinite(matte.alpha).all()


# Refinement


def test_a_tile_that_is_the_whole_image_gets_the_whole_images_matte(flower: NDArray[np.float32]) -> None:
    segmenter = plain_segmenter()
    whole = segmenter(flower, prompt=BOX)

    (tile,) = segmenter.segment_tiles([flower], known=[whole], quality="normal")

    assert np.array_equal(tile, whole.alpha)


def test_a_tile_without_anything_of_the_mask_keeps_what_is_known(flower: NDArray[np.float32]) -> None:
    segmenter = plain_segmenter()
    known = np.random.default_rng(0).random(flower.shape[:2], dtype=np.float32)
    nothing, all_of_it = np.zeros_like(known), np.ones_like(known)

    kept, refined = segmenter.segment_tiles(
        [flower, flower],
        known=[Segmentation(known, guide=nothing), Segmentation(known, guide=all_of_it)],
        quality="normal",
    )

    assert np.array_equal(kept, known)
    assert not np.array_equal(refined, known)


def test_tiles_and_a_closer_look_need_no_second_look_of_sam() -> None:
    refiner = RepeatsTheMask()
    segmenter = outlining(refiner)
    image = np.zeros((900, 1000, 3), np.float32)
    prompt = Prompt(boxes=(Box(300, 300, 600, 560),))

    found, refinement = Passes(segmenter, "normal", "tiles", Effort(3)).over(image, prompt, ignore)

    assert isinstance(segmenter.sam, Outlines)
    assert segmenter.sam.runs == 1
    assert refinement.closer_look == "taken"
    assert 0 < refinement.tiles_run <= 3
    assert len(refiner.seen) == 2 + refinement.tiles_run
    assert bounds_of(found.alpha > 0.5) == prompt.boxes[0]


def test_a_closer_look_shows_the_refiner_the_part_of_the_mask() -> None:
    refiner = RepeatsTheMask()
    image = np.zeros((900, 1000, 3), np.float32)
    prompt = Prompt(boxes=(Box(300, 300, 600, 560),))

    Passes(outlining(refiner), "normal", "tiles", Effort(0)).over(image, prompt, ignore)

    first, second = refiner.seen
    assert float(first[0, 3].mean()) == pytest.approx(300 * 260 / (1000 * 900), rel=0.05)
    assert float(second[0, 3].mean()) == pytest.approx(300 * 260 / (390 * 350), rel=0.05)  # with a margin of 45
    assert float(second[0, 4].mean()) == pytest.approx(300 * 260 / (390 * 350), rel=0.05)


# Half precision


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_moves_mask_and_matte_a_little(flower: NDArray[np.float32], dtype: torch.dtype) -> None:
    full = plain_segmenter()(flower, prompt=BOX)

    with torch.autocast("cpu", dtype):
        half = plain_segmenter()(flower, prompt=BOX)

    assert full.guide is not None
    assert half.guide is not None
    assert (full.guide != half.guide).mean() < 0.01
    assert np.abs(full.alpha - half.alpha).mean() < 0.02


# Checkpoints of Segment Anything


def test_both_spellings_and_both_names_of_the_shared_matrix_are_understood() -> None:
    of_authors = converted(authors_state_dict(), tiny_network)
    once = {key: value for key, value in of_authors.items() if not key.startswith("prompt_encoder.shared")}

    for published in (once, of_authors):
        same = converted(published, tiny_network)

        assert same.keys() == of_authors.keys() == tiny_network().state_dict().keys()
        assert all(torch.equal(same[key], of_authors[key]) for key in same)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_encoder.blocks.9.norm1.weight": torch.zeros(64)}, "unknown key 'image_encoder.blocks.9.norm1.weight'"),
        ({"mask_decoder.iou_token.weight": torch.zeros(1, 3)}, r"'mask_decoder.iou_token.weight' is \(1, 3\)"),
        ({"image_encoder.pos_embed": None}, "'vision_encoder.pos_embed' is missing"),
        ({"prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": None}, "'shared_image"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(change: dict[str, torch.Tensor | None], words: str) -> None:
    published = {key: value for key, value in {**authors_state_dict(), **change}.items() if value is not None}

    with pytest.raises(WeightsCorrupt, match=words):
        converted(published, tiny_network)


def test_a_sam_of_another_size_is_refused() -> None:
    with pytest.raises(WeightsCorrupt, match="does not fit"):
        convert_base(authors_state_dict())


def test_nothing_of_the_tiny_network_is_left_without_weights() -> None:
    network: nn.Module = tiny_sam().network

    assert not [name for name, value in network.named_parameters() if value.is_meta]
    assert not [name for name, value in network.named_buffers() if value.is_meta]


def test_each_object_is_a_place_to_stop(flower: NDArray[np.float32]) -> None:
    told: list[str] = []

    plain_segmenter()(
        flower,
        prompt=Prompt(boxes=(Box(10, 10, 60, 60), Box(70, 70, 120, 120), Box(20, 60, 90, 110))),
        report=lambda _fraction, doing: told.append(doing),
    )

    assert told.count("finding the subject") == 3
