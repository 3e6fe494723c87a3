"""IS-Net around its arithmetic: checkpoints, images of any kind, views, tiles, cancelling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dis_core.errors import Cancelled, WeightsCorrupt
from dis_core.images.reading import read_picture
from dis_core.models.isnet.checkpoint import convert, convert_refiner
from dis_core.models.isnet.spec import ISNET
from dis_core.models.value_range import own_extremes, stretched
from dis_core.pipeline import Pipeline
from dis_core.progress import ignore
from dis_core.protocols import NO_PROMPT, Effort, Quality
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.refinement.resizing import shrunk
from dis_core.weights import store
from tests.fakes.small_isnet import segmenter, small_network
from tests.recipes.isnet import published_state_dict

FLOWER = Path(__file__).parents[3] / "examples" / "flower.jpg"


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def flower() -> NDArray[np.float32]:
    return shrunk(read_picture(FLOWER).srgb(), (214, 320))


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    return published_state_dict()


# Checkpoints


def test_a_norm_is_folded_into_its_convolution_without_a_change(published: dict[str, torch.Tensor]) -> None:
    weights = convert(published)
    unit = "stage3d.rebnconv2d"
    conv = torch.nn.Conv2d(128, 64, 3, padding=1)
    norm = torch.nn.BatchNorm2d(64).eval()
    conv.load_state_dict({part: published[f"{unit}.conv_s1.{part}"] for part in ("weight", "bias")})
    norm.load_state_dict({part: published[f"{unit}.bn_s1.{part}"] for part in norm.state_dict()})
    x = torch.randn(1, 128, 9, 9, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        separate = norm(conv(x))
        ours = torch.nn.functional.conv2d(
            x, weights["decoder.2.up.2.0.weight"], weights["decoder.2.up.2.0.bias"], padding=1
        )

    assert torch.allclose(ours, separate, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stage7.rebnconvin.conv_s1.weight": torch.zeros(1)}, "unknown key 'stage7.rebnconvin.conv_s1.weight'"),
        ({"stage2.rebnconv3.bn_s1.running_var": None}, "'stage2.rebnconv3.bn_s1.running_var' is missing"),
        ({"side1.weight": torch.zeros(1, 64, 1, 1)}, "'side1.weight' is (1, 64, 1, 1), not (1, 64, 3, 3)"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_with_its_first_key(
    published: dict[str, torch.Tensor], change: dict[str, torch.Tensor | None], words: str
) -> None:
    changed = {key: value for key, value in {**published, **change}.items() if value is not None}

    with pytest.raises(WeightsCorrupt) as problem:
        convert(changed)

    assert words in problem.value.message


def test_a_checkpoint_of_the_refiner_is_not_taken_for_one_of_is_net(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsCorrupt, match="conv_in"):
        convert_refiner(published)
    with pytest.raises(WeightsCorrupt, match="conv_in"):
        convert(published_state_dict(5))


def test_half_precise_files_are_folded_in_full_precision(published: dict[str, torch.Tensor]) -> None:
    halves = {key: value.half() if value.is_floating_point() else value for key, value in published.items()}

    weights = convert(halves)

    assert {value.dtype for value in weights.values()} == {torch.float32}


def test_a_published_file_is_adopted_and_cuts_out_a_photo(published: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(published, tmp_path / "isnet-general-use.pth")

    store.adopt(ISNET, tmp_path / "isnet-general-use.pth")

    matte = Pipeline("cpu").segment(FLOWER, model="isnet", quality="draft", refine="none")
    assert matte.model.startswith("isnet@sha256-")
    assert 0 < matte.alpha.mean() < 1


# Images


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((60, 50, 3), np.float32),
        np.ones((60, 50, 3), np.float32),
        np.full((60, 50, 3), 0.5, np.float32),
        noise(60, 50),
        noise(1, 1),
        noise(1, 5000),
        noise(5000, 1),
    ],
)
def test_every_image_gets_a_matte_of_its_size_in_range(image: NDArray[np.float32]) -> None:
    before = image.copy()

    alpha = segmenter()(image).alpha

    assert alpha.shape == image.shape[:2]
    assert alpha.dtype == np.float32
    assert np.isfinite(alpha).all()
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert np.array_equal(image, before)


@pytest.mark.parametrize("size", [(1, 1), (33, 64), (63, 97), (160, 31)])
def test_the_network_takes_any_size(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) - 0.5

    with torch.inference_mode():
        together = small_network()(x)
        alone = torch.cat([small_network()(image[None]) for image in x])

    assert together.shape == (2, 1, *size)
    assert torch.allclose(together, alone, atol=1e-4)


def test_best_looks_at_no_view_larger_than_usual_because_the_network_loses_subjects_there() -> None:
    own, sides = segmenter(), []
    own.square.network.register_forward_pre_hook(lambda _, planes: sides.append(planes[0].shape[-1]))

    own(flower(), quality="best")

    usual_px = own.side_for("normal")
    assert len(sides) == 4
    assert max(sides) == usual_px
    assert min(sides) < usual_px


@pytest.mark.parametrize("quality", ["draft", "normal"])
def test_it_says_at_which_side_its_last_layer_answers(quality: Quality) -> None:
    own, sides = segmenter(), []
    head = own.square.network.get_submodule("head")
    head.register_forward_hook(lambda *passed: sides.append(passed[-1].shape[-1]))

    own(flower(), quality=quality)

    assert sides == [own.answer_side_for(quality)]


def test_best_looks_at_several_views_and_differs_a_little() -> None:
    once, best = segmenter()(flower()).alpha, segmenter()(flower(), quality="best").alpha

    assert 0 < np.abs(once - best).mean() < 0.4


def test_a_cancel_stops_within_the_network() -> None:
    heard: list[float] = []

    def cancel(fraction: float, doing: str) -> None:
        heard.append(fraction)
        if len(heard) > 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter()(flower(), quality="best", report=cancel)

    assert heard[-1] < 1


# The span of the answer


@pytest.mark.parametrize(
    ("answer", "extremes"),
    [
        ([0.1, 0.3, 0.8], (0.1, 0.8)),
        ([0.02, 0.1, 0.3], (0, 1)),  # nothing is held for the subject
        ([0.6, 0.7, 0.95], (0, 1)),  # everything is
        ([0.45, 0.5, 0.55], (0, 1)),  # nothing is told apart
        ([0.5, 0.5, 0.5], (0, 1)),
        ([float("nan"), 0.1, 0.9], (0, 1)),
    ],
)
def test_an_answer_is_stretched_only_where_it_tells_subject_and_background_apart(
    answer: list[float], extremes: tuple[float, float]
) -> None:
    assert own_extremes(np.array([answer], np.float32)) == pytest.approx(extremes)


def test_contrast_grows_four_times_at_most() -> None:
    answer = np.linspace(0.4, 0.651, 50, dtype=np.float32)[None]

    alpha = stretched(answer, own_extremes(answer))

    assert (alpha.min(), alpha.max()) == pytest.approx((0, 1))
    assert np.diff(alpha).max() < 4 * np.diff(answer).max()


def test_tiles_are_stretched_as_their_whole_image_is() -> None:
    image = flower()
    model = segmenter()
    whole = model(image)
    assert whole.extremes != (0, 1)

    (again,) = model.segment_tiles([image], known=[whole], quality="normal")

    (dark,) = model.segment_tiles([np.zeros((64, 64, 3), np.float32)], known=[whole], quality="normal")
    assert np.array_equal(again, whole.alpha)
    assert not np.array_equal(dark, model(np.zeros((64, 64, 3), np.float32)).alpha)


# Refinement and half precision


def test_a_larger_image_is_refined_by_tiles_that_it_agrees_with() -> None:
    image = shrunk(flower(), (214, 320)).repeat(3, axis=0).repeat(3, axis=1)

    found, refinement = Passes(segmenter(), "normal", "tiles", Effort(8)).over(image, NO_PROMPT, ignore)

    assert refinement.method == "tiles"
    assert refinement.tiles_run > 0
    assert found.alpha.shape == image.shape[:2]
    assert np.isfinite(found.alpha).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_moves_the_matte_a_little(dtype: torch.dtype) -> None:
    image = flower()
    full = segmenter()(image).alpha

    with torch.autocast("cpu", dtype):
        half = segmenter()(image).alpha

    assert np.isfinite(half).all()
    assert np.abs(half - full).mean() < 0.02
