"""Our DIS-SAM against numbers recorded from its authors' code and from Segment Anything's; see golden/PROVENANCE.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dis_core.geometry import Box, Points
from dis_core.models.dis_sam.segmenter import DisSamSegmenter, box_of, to_input
from dis_core.models.isnet.checkpoint import convert_refiner
from dis_core.models.isnet.network import ISNet
from dis_core.models.sam.checkpoint import rename
from dis_core.models.sam.network import SAM
from dis_core.models.tensors import to_tensor
from dis_core.models.value_range import stretched
from dis_core.progress import ignore
from dis_core.prompts import PromptObject
from dis_core.protocols import Placement, Prompt, Segmentation
from tests.recipes.isnet import published_state_dict, recorded_stages, sampled
from tests.recipes.sam import GOLDEN, tiny_sam, transformers_names

FEATURE_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 2e-3
SCORE_TOLERANCE = 1e-4
OF_OTHER_ROUNDING = 0.05
"""As far as logits of magnitude 4 move where 1 % of the input's values round to the other level than Pillow's."""


def golden(name: str) -> dict[str, NDArray[Any]]:
    with np.load(GOLDEN / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive}


@pytest.fixture(scope="module")
def image() -> NDArray[np.float32]:
    picture: NDArray[np.uint8] = golden("image")["image_rgb"]
    image: NDArray[np.float32] = picture.astype(np.float32) / np.float32(255)
    return image


@pytest.fixture(scope="module")
def sam() -> SAM:
    return tiny_sam()


@pytest.fixture(scope="module")
def refiner() -> ISNet:
    with torch.device("meta"):
        network = ISNet(5)
    network.load_state_dict(convert_refiner(published_state_dict(5)), assign=True)
    return network.eval()


def wanted(theirs: dict[str, NDArray[Any]], prompt: str) -> PromptObject:
    """The object that one of the recorded prompts names."""
    places = dict(zip(theirs["labels"].tolist(), map(tuple, theirs["points_xy"].tolist()), strict=True))
    box = Box(*theirs["box_xyxy"].tolist()) if "box" in prompt else None
    points = Points([places[1]], [places[0]]) if "points" in prompt else Points()
    return PromptObject(box, points)


# Segment Anything


@pytest.mark.parametrize("size", ["sam_tiny", "sam_vit_l"])
def test_every_key_of_the_authors_has_the_name_that_transformers_gives_it(size: str) -> None:
    for theirs, (ours, *_) in transformers_names(size).items():
        assert rename(theirs) == ours


def test_an_image_is_shrunk_as_pillow_does_but_for_a_few_roundings(sam: SAM, image: NDArray[np.float32]) -> None:
    theirs = golden("sam_tiny")["resized_uint8"].astype(int)

    ours = sam.as_seen(to_tensor(image))[0].permute(1, 2, 0).numpy().astype(int)

    assert np.abs(ours - theirs).max() <= 1
    assert (ours != theirs).mean() < 0.01


@pytest.mark.parametrize("prompt", ["box", "points", "box_points"])
def test_embedding_and_mask_logits_match_the_reference(sam: SAM, prompt: str) -> None:
    theirs = golden("sam_tiny")
    seen = torch.from_numpy(theirs["resized_uint8"]).permute(2, 0, 1)[None]

    with torch.inference_mode():
        embedding = sam.encode(seen, ignore)
        logits = sam.logits(embedding, wanted(theirs, prompt), (150, 203), (189, 256))
        full = sam.enlarged(logits, (189, 256), (150, 203))

    assert np.abs(embedding.numpy() - theirs["image_embedding"]).max() < FEATURE_TOLERANCE
    if prompt == "box":
        assert np.abs(full - theirs["box.logits0_original_size"]).max() < LOGIT_TOLERANCE
    else:
        assert np.abs(logits[0, 0].numpy() - theirs[f"{prompt}.low_res_logits0"]).max() < LOGIT_TOLERANCE


@pytest.mark.parametrize("prompt", ["box", "points", "box_points"])
def test_the_scores_of_the_three_masks_match_the_reference(sam: SAM, prompt: str) -> None:
    theirs = golden("sam_tiny")

    with torch.inference_mode():
        embedding = torch.from_numpy(theirs["image_embedding"])
        answers = sam.answers(embedding, wanted(theirs, prompt), (150, 203), (189, 256))

    assert np.abs(answers.scores.numpy() - theirs[f"{prompt}.iou"]).max() < SCORE_TOLERANCE


@pytest.mark.parametrize("prompt", ["box", "points"])
def test_a_guess_is_the_mask_with_the_best_score_or_the_one_of_the_wanted_area(
    sam: SAM, image: NDArray[np.float32], prompt: str
) -> None:
    theirs = golden("sam_tiny")
    one = wanted(theirs, prompt)

    guesses = {
        extent: sam.guess(image, box=one.box, points=one.points, extent=extent, memory=None)
        for extent in ("auto", "small", "medium", "large")
    }

    areas = {extent: int((guess > 0.5).sum()) for extent, guess in guesses.items()}
    assert areas["small"] <= areas["medium"] <= areas["large"]
    assert areas["small"] < areas["large"]
    with torch.inference_mode():
        answers = sam.answers(torch.from_numpy(theirs["image_embedding"]), one, (150, 203), (189, 256))
        best = answers.logits[:, int(theirs[f"{prompt}.iou"].argmax())][:, None]
        expected = sam.enlarged(best, (189, 256), (189, 256)) > 0
    assert ((guesses["auto"] > 0.5) != expected).mean() < 0.001
    assert guesses["auto"].shape == (189, 256)


def test_a_whole_image_gets_the_reference_s_mask(sam: SAM, image: NDArray[np.float32]) -> None:
    theirs = golden("sam_tiny")

    with torch.inference_mode():
        mask = sam(image, [wanted(theirs, "box")], report=ignore)

    differing = mask != (theirs["box.logits0_original_size"] > 0)
    assert np.abs(theirs["box.logits0_original_size"][differing]).max(initial=0) < OF_OTHER_ROUNDING
    assert differing.mean() < 0.001


# The refiner


def test_five_planes_are_made_as_in_the_authors_demo(image: NDArray[np.float32]) -> None:
    theirs = golden("refiner_demo_path")
    mask = theirs["coarse_mask"].astype(np.float32)

    x = to_input(to_tensor(image), mask, (256, 256)).numpy()

    assert np.array_equal(box_of(mask) * 255, theirs["box_map"])
    assert np.abs(x[..., ::2, ::2] - theirs["x5_sub"]).max() < 1e-6


def test_the_refiner_matches_the_reference(refiner: ISNet, image: NDArray[np.float32]) -> None:
    theirs = golden("refiner_demo_path")
    x = to_input(to_tensor(image), theirs["coarse_mask"].astype(np.float32), (256, 256))

    with torch.inference_mode(), recorded_stages(refiner) as stages:
        logits = refiner(x)

    for key in (key for key in theirs if key.startswith("tap.")):
        assert np.abs(sampled(stages[key[4:]]) - theirs[key]).max() < FEATURE_TOLERANCE, key
    assert np.abs(logits.sigmoid().numpy()[..., ::2, ::2] - theirs["d1_sub"]).max() < FEATURE_TOLERANCE


def test_a_coarse_mask_becomes_the_gray_mask_of_the_authors_demo(
    refiner: ISNet, sam: SAM, image: NDArray[np.float32]
) -> None:
    theirs = golden("refiner_demo_path")
    mask = theirs["coarse_mask"].astype(np.float32)
    segmenter = DisSamSegmenter(refiner, sam=sam, side_px=256, placement=Placement("cpu"))

    (answer,) = segmenter.segment_tiles([image], known=[Segmentation(mask, guide=mask)], quality="normal")

    gray = np.floor(255 * stretched(answer, (float(answer.min()), float(answer.max()))))
    assert np.abs(gray - theirs["grey_uint8"]).max() <= 1
    assert (gray != theirs["grey_uint8"]).mean() < 0.01


def test_from_picture_and_box_to_gray_mask_all_is_as_in_the_reference(
    refiner: ISNet, sam: SAM, image: NDArray[np.float32]
) -> None:
    theirs = golden("chain_box_prompt")
    segmenter = DisSamSegmenter(refiner, sam=sam, side_px=256, placement=Placement("cpu"))

    found = segmenter(image, prompt=Prompt(boxes=(Box(*theirs["box_xyxy"].tolist()),)))

    assert found.guide is not None
    assert (found.guide != theirs["coarse_mask"]).mean() < 0.001
    assert (box_of(found.guide) * 255 != theirs["box_map"]).sum() == 0
    apart = np.abs(np.floor(255 * found.alpha) - theirs["grey_uint8"])
    assert apart.mean() < 0.1
    assert np.quantile(apart, 0.999) <= 3  # where single pixels of the mask differ
