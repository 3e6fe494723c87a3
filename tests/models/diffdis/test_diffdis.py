"""What is DiffDIS' own: its seed, how masks are stretched, its weights. The rest is in test_all_models.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from dis_core.errors import Cancelled, WeightsCorrupt
from dis_core.models.diffdis import checkpoint as diffdis_checkpoint
from dis_core.models.diffdis import segmenter as diffdis_segmenter
from dis_core.models.diffdis.checkpoint import RENAMES, convert, convert_autoencoder, renamed
from dis_core.models.diffdis.network import DiffDIS
from dis_core.models.diffdis.segmenter import DiffDISSegmenter, seeded_noise
from dis_core.models.diffdis.spec import DIFFDIS, SD_TURBO_AUTOENCODER
from dis_core.protocols import Placement
from dis_core.weights import store
from dis_core.weights.checkpoint import load_strictly
from tests.fakes import small_diffdis
from tests.recipes.diffdis import (
    MANIFEST,
    published_denoiser_file,
    recipe,
    tiny_autoencoder,
    tiny_denoiser,
    tiny_network,
)


@pytest.fixture(scope="module")
def segmenter() -> DiffDISSegmenter:
    return small_diffdis.segmenter()


def photo(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def on_meta(shapes: dict[str, list[int]], prefix: str = "") -> dict[str, torch.Tensor]:
    """Tensors that have a shape and take no room."""
    return {f"{prefix}{key}": torch.empty(shape, device="meta") for key, shape in shapes.items()}


def published_unet() -> dict[str, torch.Tensor]:
    prompt = torch.empty(1, 2, 1024, device="meta")
    return {**on_meta(MANIFEST["unet"]["keys"], "unet."), "positive": prompt}


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1)])
def test_the_thinnest_image_gets_a_matte_of_its_size(segmenter: DiffDISSegmenter, size: tuple[int, int]) -> None:
    alpha = segmenter(photo(*size)).alpha

    assert alpha.shape == size
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_the_same_image_gets_the_same_matte_again(segmenter: DiffDISSegmenter) -> None:
    first = segmenter(photo(80, 90)).alpha

    torch.manual_seed(1)
    again = segmenter(photo(80, 90)).alpha

    np.testing.assert_array_equal(first, again)


def test_the_noise_is_the_same_on_every_machine() -> None:
    noise = seeded_noise((1, 4, 32, 32))

    assert noise.device.type == "cpu"
    assert noise.dtype == torch.float32
    np.testing.assert_allclose(noise[0, 0, 0, :3], [1.117622, -1.387125, -0.426572], atol=1e-5)
    assert abs(float(noise.std()) - 1) < 0.02


def test_a_draft_sees_half_the_side_in_whole_latents(segmenter: DiffDISSegmenter) -> None:
    large = DiffDISSegmenter(tiny_network(), side_px=1024, placement=Placement("cpu"))

    assert large.side_for("draft") == 512
    assert segmenter.side_for("draft") == 256


def test_a_cancelled_pass_leaves_no_hooks_on_the_network(segmenter: DiffDISSegmenter) -> None:
    def cancel(fraction: float, doing: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter(photo(50, 50), quality="best", report=cancel)

    hooks = [m for m in segmenter.square.network.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert hooks == []


class Drawing(DiffDIS):
    """Draws masks that are made up, whatever the pictures."""

    def __init__(self, *masks: torch.Tensor) -> None:
        super().__init__(nn.Identity(), nn.Identity())  # type: ignore[arg-type]  # which are never called
        self.masks = list(masks)

    def forward(self, picture: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        mask = self.masks.pop(0)
        return mask.expand(len(picture), 1, *picture.shape[2:]).clone()


def rising(lowest: float, highest: float) -> torch.Tensor:
    """A mask of 256 x 256 that rises from left to right."""
    return torch.linspace(lowest, highest, 256).view(1, 1, 1, 256).expand(1, 1, 256, 256)


def drawing(*masks: torch.Tensor) -> DiffDISSegmenter:
    return DiffDISSegmenter(Drawing(*masks), side_px=256, placement=Placement("cpu"))


def test_a_mask_is_stretched_to_black_and_white_as_the_authors_do() -> None:
    found = drawing(rising(0.1, 0.9))(photo(256, 256))

    np.testing.assert_allclose(found.alpha[0], np.linspace(0, 1, 256), atol=1e-4)
    assert found.extremes == pytest.approx((0.1, 0.9))


@pytest.mark.parametrize("value", [0.0, 0.02, 0.98, 1.0])
def test_a_mask_without_a_subject_or_without_background_stays_so(value: float) -> None:
    found = drawing(rising(max(value - 0.01, 0), min(value + 0.01, 1)))(photo(256, 256))

    assert np.abs(found.alpha - value).max() < 0.011


def test_a_thin_subject_that_shrinks_away_in_a_small_image_is_not_stretched_for_it() -> None:
    hair = torch.zeros(1, 1, 256, 256)
    hair[:, :, :, 100] = 1

    found = drawing(hair)(photo(32, 32))

    assert found.extremes == pytest.approx((0, 1))
    assert found.alpha.max() < 0.3


def test_tiles_are_stretched_by_the_extremes_of_the_whole_image() -> None:
    segmenter = drawing(rising(0.1, 0.9), rising(0.3, 0.7))

    whole = segmenter(photo(256, 256))
    (tile,) = segmenter.segment_tiles([photo(256, 256)], known=[whole], quality="normal")

    np.testing.assert_allclose(tile[0], np.linspace(0.25, 0.75, 256), atol=1e-4)


def two_tones(lowest: float, highest: float, side: int) -> torch.Tensor:
    mask = torch.full((1, 1, side, side), lowest)
    mask[..., side // 2 :] = highest
    return mask


def test_views_of_best_count_with_their_own_extremes() -> None:
    masks = [two_tones(0.1, highest, side) for highest in (0.9, 0.7) for side in (192, 256, 320)]

    found = drawing(*masks)(photo(256, 256), quality="best")

    assert found.extremes == pytest.approx((0.1, 0.8), abs=1e-4)


def test_the_authors_own_file_is_refused_in_words_that_say_what_is_missing() -> None:
    with pytest.raises(WeightsCorrupt, match="embedding of the empty prompt") as refused:
        convert(on_meta(MANIFEST["unet"]["keys"]))

    assert "DiffDIS_F16.safetensors" in refused.value.hint


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"unet.conv_in.weight": None}, "'unet.conv_in.weight' is missing"),
        ({"unet.rgb_conv.1.0.weight": None}, "'injections.1.conv.weight' is missing"),
        ({"unet.conv_in.more": torch.ones(1)}, "unknown key 'unet.conv_in.more'"),
        ({"unet.conv_in.weight": torch.ones(320, 4, 3, 3)}, r"'unet.conv_in.weight' is \(320, 4, 3, 3\), not \(320, 8"),
        ({"positive": torch.ones(1, 77, 1024)}, r"'positive' is \(1, 77, 1024\), not \(1, 2, 1024\)"),
    ],
)
def test_another_networks_file_is_refused_with_the_first_key_that_does_not_fit(
    damage: dict[str, torch.Tensor | None], told: str
) -> None:
    published = {key: value for key, value in {**published_unet(), **damage}.items() if value is not None}

    with pytest.raises(WeightsCorrupt, match=told):
        convert(published)


def test_an_autoencoder_with_the_older_names_of_its_attention_is_the_same() -> None:
    newer = on_meta(MANIFEST["vae"]["keys"])
    older_names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    older = {}
    for key, value in newer.items():
        for new, old in older_names.items():
            key = key.replace(f".{new}.", f".{old}.")
        older[key] = value
    assert older.keys() != newer.keys()

    assert convert_autoencoder(older).keys() == newer.keys()


def test_a_file_in_half_precision_fills_the_network_in_float32(tmp_path: Path) -> None:
    published = {
        key: value.half() if value.is_floating_point() else value
        for key, value in published_denoiser_file("tiny_unet").items()
    }
    save_file(renamed(published, tiny_denoiser, RENAMES, network="", hint=""), tmp_path / "tiny.safetensors")
    with torch.device("meta"):
        denoiser = tiny_denoiser()

    load_strictly(denoiser, tmp_path / "tiny.safetensors")

    assert {value.dtype for value in denoiser.state_dict().values()} == {torch.float32, torch.int64}
    network, image = DiffDIS(denoiser, tiny_network().autoencoder).eval(), photo(90, 90)
    alpha = DiffDISSegmenter(network, side_px=256, placement=Placement("cpu"))(image).alpha
    assert np.abs(alpha - small_diffdis.segmenter()(image).alpha).mean() < 0.01


def test_the_loader_is_given_the_autoencoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffdis_segmenter, "published_denoiser", tiny_denoiser)
    monkeypatch.setattr(diffdis_segmenter, "published_autoencoder", tiny_autoencoder)
    monkeypatch.setattr(diffdis_checkpoint, "published_denoiser", tiny_denoiser)
    monkeypatch.setattr(diffdis_checkpoint, "published_autoencoder", tiny_autoencoder)
    save_file(published_denoiser_file("tiny_unet"), tmp_path / "unet.safetensors")
    save_file(recipe("tiny_vae"), tmp_path / "vae.safetensors")
    ready = store.adopt(DIFFDIS, tmp_path / "unet.safetensors").path
    autoencoder = store.adopt(SD_TURBO_AUTOENCODER, tmp_path / "vae.safetensors").path

    loaded = diffdis_segmenter.load_published(
        ready,
        placement=Placement("cpu"),
        estimate_depth=None,
        companions={SD_TURBO_AUTOENCODER.name: autoencoder},
    )

    expected = DiffDISSegmenter(tiny_network(), side_px=1024, placement=Placement("cpu"))
    image = photo(70, 70)
    assert loaded.side_for("normal") == 1024
    ours, theirs = (one(image, quality="draft").alpha for one in (loaded, expected))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
