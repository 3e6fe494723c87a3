"""BiRefNet's weights for different purposes: all of one network, or of its smaller sister.

The order of tiles is declared where it is known; see `tile_order`, and docs/explanation/birefnet.md for how it is
known. None leaves it to the kernels.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from dis_core.model_spec import Citation, Conversion, ModelSpec, NetworkSpec
from dis_core.models import papers, pins
from dis_core.models.network_inputs import LOGITS, imagenet_image

_OLDER: Final = "column-row-color"
_TODAYS: Final = "color-row-column"
_CONVERTERS: Final = {_OLDER: "_of_older_order", _TODAYS: "", None: "_by_kernels"}
"""How the names of the converting functions end: `convert_large` and `convert_lite`, alone or with these behind."""


class _Variant(NamedTuple):
    """What differs from one declaration to the next; `network` is how the loader's name ends."""

    name: str
    repo: str
    size_mb: int
    network: Literal["512", "1024", "2048", "lite", "lite_2k"]
    order: Literal["column-row-color", "color-row-column"] | None
    summary: str
    filename: str = "model.safetensors"
    citation: Citation = papers.BIREFNET


_ZP = "ZhengPeng7"

_VARIANTS: Final = (
    _Variant(
        "birefnet", f"{_ZP}/BiRefNet", 444, "1024", _OLDER, "BiRefNet trained on many sets: a strong all-round choice"
    ),
    _Variant(
        "birefnet-hr",
        f"{_ZP}/BiRefNet_HR",
        444,
        "2048",
        _TODAYS,
        "BiRefNet that sees 2048 x 2048: four times as slow, finer",
    ),
    _Variant(
        "birefnet-hr-matting",
        f"{_ZP}/BiRefNet_HR-matting",
        444,
        "2048",
        _TODAYS,
        "BiRefNet at 2048 x 2048 for hair and the like",
    ),
    _Variant(
        "birefnet-matting",
        f"{_ZP}/BiRefNet-matting",
        885,
        "1024",
        _OLDER,
        "BiRefNet for hair, fur and what one sees through",
    ),
    _Variant("birefnet-portrait", f"{_ZP}/BiRefNet-portrait", 885, "1024", _OLDER, "BiRefNet for people"),
    _Variant(
        "birefnet-dynamic",
        f"{_ZP}/BiRefNet_dynamic",
        444,
        "1024",
        _TODAYS,
        "BiRefNet trained with sizes of 256 to 2304",
    ),
    _Variant(
        "birefnet-dynamic-matting",
        f"{_ZP}/BiRefNet_dynamic-matting",
        444,
        "1024",
        None,
        "BiRefNet trained with many sizes, for hair and the like",
    ),
    _Variant(
        "birefnet-512",
        f"{_ZP}/BiRefNet_512x512",
        444,
        "512",
        None,
        "BiRefNet that sees 512 x 512: four times as fast, coarser",
    ),
    _Variant(
        "birefnet-lite", f"{_ZP}/BiRefNet_lite", 178, "lite", _OLDER, "a smaller BiRefNet, trained as the large one"
    ),
    _Variant(
        "birefnet-lite-2k",
        f"{_ZP}/BiRefNet_lite-2K",
        178,
        "lite_2k",
        None,
        "the smaller BiRefNet that sees 2560 x 1440: finer, for wide images",
    ),
    _Variant(
        "birefnet-lite-matting",
        f"{_ZP}/BiRefNet_lite-matting",
        89,
        "lite",
        None,
        "the smaller BiRefNet for hair and the like",
    ),
    _Variant(
        "lucida",
        "egeorcun/lucida",
        885,
        "1024",
        None,
        "BiRefNet trained further for glass, glow, text and illustrations; weaker on hair",
    ),
    _Variant(
        "toonout",
        "joelseytre/toonout",
        885,
        "1024",
        None,
        "BiRefNet trained further for drawings and anime",
        filename="birefnet_finetuned_toonout.pth",
        citation=papers.TOONOUT,
    ),
    _Variant(
        "birefnet-dis5k",
        f"{_ZP}/BiRefNet-DIS5K",
        885,
        "1024",
        _OLDER,
        "BiRefNet trained on DIS5K alone, as in the paper",
    ),
    _Variant(
        "birefnet-dis5k-all",
        f"{_ZP}/BiRefNet-DIS5K-TR_TEs",
        885,
        "1024",
        _OLDER,
        "BiRefNet trained on DIS5K with its test sets",
    ),
    _Variant(
        "birefnet-hrsod",
        f"{_ZP}/BiRefNet-HRSOD",
        885,
        "1024",
        _OLDER,
        "BiRefNet trained on salient objects of high resolution",
    ),
    _Variant("birefnet-cod", f"{_ZP}/BiRefNet-COD", 885, "1024", _OLDER, "BiRefNet trained on what is camouflaged"),
    _Variant("birefnet-legacy", f"{_ZP}/BiRefNet-legacy", 885, "1024", _OLDER, "an earlier BiRefNet for everything"),
)


_SIZES: Final = {
    "512": (512, 512),
    "1024": (1024, 1024),
    "2048": (2048, 2048),
    "lite": (1024, 1024),
    "lite_2k": (1440, 2560),
}


def _declared(variant: _Variant) -> ModelSpec:
    # The names of two functions are put together below. Loaders: load_512, load_1024, load_2048, load_lite,
    # load_lite_2k. Conversions: convert_large, convert_large_of_older_order, convert_large_by_kernels, convert_lite,
    # convert_lite_of_older_order, convert_lite_by_kernels.
    kind = "lite" if variant.network.startswith("lite") else "large"
    return ModelSpec(
        name=variant.name,
        summary=variant.summary,
        license="MIT",
        commercial_use="conditional",
        weights=pins.published(variant.repo, variant.filename, size_bytes=variant.size_mb * 1_000_000),
        loader=f"dis_core.models.birefnet.segmenter:load_{variant.network}",
        conversion=Conversion(
            f"birefnet-{kind}-{variant.order or 'order-by-kernels'}",
            1,
            f"dis_core.models.birefnet.checkpoint:convert_{kind}{_CONVERTERS[variant.order]}",
        ),
        half_precision=True,
        citation=variant.citation,
        details=(("order of tiles", variant.order or "as the kernels say"),),
        network=NetworkSpec(
            f"dis_core.models.birefnet.segmenter:load_{variant.network}.network",
            (imagenet_image(),),
            _SIZES[variant.network],
            LOGITS,
            exportable="dis_core.models.birefnet.exportable:matte",
        ),
    )


BIREFNETS: Final = tuple(map(_declared, _VARIANTS))
