"""The refiners that come with dis-core: declarations only, registered through the public hook."""

from __future__ import annotations

from dis_core.hookspecs import hookimpl
from dis_core.model_spec import RefinerSpec

FAST, MATTING, LARGER, TILES = "fast", "matting", "larger", "tiles"

FAST_REFINER = RefinerSpec(
    name=FAST,
    summary="the coarse matte enlarged along the image's edges",
    refiner="dis_core.refinement.fast:refine_fast",
    looks_closer=False,
)

MATTING_REFINER = RefinerSpec(
    name=MATTING,
    summary="along edges, after a larger look if the model takes one, and then closed-form matting in a thin band",
    refiner="dis_core.refinement.matting:refine_with_matting",
    looks_closer=False,
)

LARGER_REFINER = RefinerSpec(
    name=LARGER,
    summary="one more look at the whole image, larger, or closer where the subject is small, and along edges",
    refiner="dis_core.refinement.larger:refine_with_larger_look",
)

TILE_REFINER = RefinerSpec(
    name=TILES,
    summary="tile by tile at full size along the boundary, and closer where the subject is small",
    refiner="dis_core.refinement.tiles:refine_with_tiles",
)


@hookimpl
def dis_register_refiners() -> tuple[RefinerSpec, ...]:
    return (FAST_REFINER, MATTING_REFINER, LARGER_REFINER, TILE_REFINER)
