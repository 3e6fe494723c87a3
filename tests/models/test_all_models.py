"""What every model that comes with dis-core promises, whatever its network: one test for all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dis_core.errors import Cancelled
from dis_core.images.reading import read_picture
from dis_core.progress import ignore
from dis_core.protocols import Effort, Placement, Quality, Segmentation, Segmenter
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.refinement.tiles import part_of
from dis_core.registry.builtin_models import dis_register_models
from tests.fakes.small_models import SMALL_MODELS, SmallModel

Image = NDArray[np.float32]

PHOTO = Path(__file__).parents[1] / "photos" / "images" / "coffee.jpg"

CPU = Placement("cpu")
SIZES = ((1, 1), (1, 700), (333, 2), (97, 130), (400, 300))


@cache
def made(model: SmallModel) -> Segmenter:
    return model.make(CPU)


@pytest.fixture(params=SMALL_MODELS, ids=[model.name for model in SMALL_MODELS])
def model(request: pytest.FixtureRequest) -> SmallModel:
    assert isinstance(request.param, SmallModel)
    return request.param


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


@cache
def photo() -> Image:
    """600 x 400 and so, larger than what the small models see."""
    return read_picture(PHOTO).srgb()


def find(model: SmallModel, image: Image, quality: Quality = "normal") -> Segmentation:
    """What a model answers, checked for what every answer must be."""
    size = image.shape[0], image.shape[1]
    found = made(model)(image, prompt=model.prompt_for(size), quality=quality)
    assert found.alpha.shape == size
    assert found.alpha.dtype == np.float32
    assert np.isfinite(found.alpha).all()
    assert found.alpha.min() >= 0
    assert found.alpha.max() <= 1
    return found


def test_every_loader_of_a_built_in_model_is_tried_here() -> None:
    declared = {spec.loader.removeprefix("dis_core.models.") for spec in dis_register_models() if spec.task == "matte"}

    assert declared == {loader for model in SMALL_MODELS for loader in model.loaders}


@pytest.mark.parametrize("size", SIZES)
def test_an_image_of_any_size_gets_a_matte_of_its_size(model: SmallModel, size: tuple[int, int]) -> None:
    find(model, noise(*size))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_an_image_of_one_color_gets_a_sound_matte(model: SmallModel, value: float) -> None:
    find(model, np.full((120, 90, 3), value, np.float32))


@pytest.mark.parametrize("quality", ["draft", "best"])
def test_every_quality_gives_a_matte(model: SmallModel, quality: Quality) -> None:
    find(model, photo(), quality)


def test_the_matte_follows_the_image_and_not_the_run(model: SmallModel) -> None:
    first, other, again = (find(model, image).alpha for image in (photo(), noise(*photo().shape[:2]), photo()))

    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_tiles_in_a_batch_get_the_mattes_that_they_get_alone(model: SmallModel) -> None:
    image = photo()
    whole = find(model, image)
    places = [np.s_[0:200, 0:200], np.s_[100:300, 50:250], np.s_[150:350, 100:300]]
    tiles = [np.ascontiguousarray(image[place]) for place in places]
    known = [part_of(whole, place) for place in places]

    together = made(model).segment_tiles(tiles, known=known, quality="normal")

    for tile, own, matte in zip(tiles, known, together, strict=True):
        (alone,) = made(model).segment_tiles([tile], known=[own], quality="normal")
        assert matte.shape == (200, 200)
        np.testing.assert_allclose(matte, alone, atol=2e-4)


def test_half_precision_leaves_the_matte_as_it_is_but_for_a_little(model: SmallModel) -> None:
    full = find(model, photo()).alpha

    halved = model.make(Placement("cpu", "float16"))(photo(), prompt=model.prompt_for(photo().shape[:2])).alpha

    difference = np.abs(halved - full)
    assert np.isfinite(halved).all()
    assert 0 < difference.mean() < 0.005


@pytest.mark.parametrize("refine", ["fast", "matting", "larger", "tiles"])
def test_a_large_image_is_refined(model: SmallModel, refine: str) -> None:
    image = np.repeat(np.repeat(photo(), 2, axis=0), 2, axis=1)[:700, :900]
    look = Passes(made(model), "normal", refine, Effort(max_tiles=6))

    found, refinement = look.over(image, model.prompt_for((700, 900)), ignore)

    assert found.alpha.shape == (700, 900)
    assert np.isfinite(found.alpha).all()
    assert refinement.method == refine


def test_progress_rises_to_the_end(model: SmallModel) -> None:
    told: list[float] = []

    made(model)(
        photo(), prompt=model.prompt_for(photo().shape[:2]), report=lambda fraction, _doing: told.append(fraction)
    )

    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == 1


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_cancel_is_heard_and_does_no_harm(model: SmallModel, share: float) -> None:
    before = find(model, photo()).alpha
    heard: list[float] = []

    def cancel(fraction: float, _doing: str) -> None:
        if fraction >= share:
            heard.append(fraction)
            raise Cancelled

    with pytest.raises(Cancelled):
        made(model)(photo(), prompt=model.prompt_for(photo().shape[:2]), report=cancel)

    assert len(heard) == 1
    assert np.array_equal(find(model, photo()).alpha, before)
