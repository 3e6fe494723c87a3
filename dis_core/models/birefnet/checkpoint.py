"""The published BiRefNet checkpoints: their keys, and what our network calls the same things.

Keys as in ZhengPeng7/BiRefNet since May 2024; all weights published there since then have them, and no others. Batch
norms are folded into the convolutions before them: with fixed statistics they are a scale and an offset per channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from dis_core.errors import WeightsCorrupt
from dis_core.models.batch_norm import NORM_PARTS, with_norms_folded
from dis_core.models.birefnet.network import BiRefNet, large_network, lite_network
from dis_core.models.birefnet.tile_order import BEFORE_NOVEMBER_2024, OUR_ORDER, TileOrder, reorder_kernels
from dis_core.models.key_mapping import Expected, renamed_by
from dis_core.models.unfilled import unfilled

RENAMES = (
    # backbone
    (r"^bb\.patch_embed\.proj\.", r"backbone.patch_embed."),
    (r"^bb\.patch_embed\.norm\.", r"backbone.patch_norm."),
    (r"^bb\.layers\.(\d)\.downsample\.", r"backbone.merges.\1."),
    (r"^bb\.layers\.(\d)\.blocks\.(\d+)\.", r"backbone.stages.\1.\2."),
    (r"^bb\.norm(\d)\.", r"backbone.norms.\1."),
    (r"\.attn\.relative_position_bias_table$", r".attention.bias_table"),
    (r"\.attn\.(qkv|proj)\.", r".attention.\1."),
    (r"\.mlp\.fc1\.", r".mlp.0."),
    (r"\.mlp\.fc2\.", r".mlp.2."),
    # levels are counted from the finest there, from the coarsest here
    (r"^squeeze_module\.0\.", r"squeeze."),
    *((rf"^decoder\.decoder_block{n}\.", f"blocks.{4 - n}.") for n in (1, 2, 3, 4)),
    (r"^decoder\.ipt_blk1\.", r"whole_picture."),
    *((rf"^decoder\.ipt_blk{n}\.", f"pictures.{5 - n}.") for n in (2, 3, 4, 5)),
    (r"(picture(?:s\.\d)?)\.conv1\.", r"\1.gather."),
    (r"(picture(?:s\.\d)?)\.conv_out\.", r"\1.spread."),
    *((rf"^decoder\.lateral_block{n}\.conv\.", f"laterals.{4 - n}.") for n in (2, 3, 4)),
    *((rf"^decoder\.gdt_convs_{n}\.0\.", f"gates.{4 - n}.gradient.") for n in (2, 3, 4)),
    *((rf"^decoder\.gdt_convs_{n}\.1\.", f"gates.{4 - n}.gradient.norm.") for n in (2, 3, 4)),
    *((rf"^decoder\.gdt_convs_attn_{n}\.0\.", f"gates.{4 - n}.attention.") for n in (2, 3, 4)),
    (r"^decoder\.conv_out1\.0\.", r"head."),
    # inside of a block
    (r"\.conv_in\.", r".enter."),
    (r"\.bn_in\.", r".enter.norm."),
    (r"\.conv_out\.", r".leave."),
    (r"\.bn_out\.", r".leave.norm."),
    (r"\.dec_att\.aspp1\.", r".context.branches.0."),
    *((rf"\.dec_att\.aspp_deforms\.{n}\.", f".context.branches.{n + 1}.") for n in (0, 1, 2)),
    (r"\.dec_att\.global_avg_pool\.1\.", r".context.mean."),
    (r"\.dec_att\.global_avg_pool\.2\.", r".context.mean.norm."),
    (r"\.dec_att\.conv1\.", r".context.join."),
    (r"\.dec_att\.bn1\.", r".context.join.norm."),
    (r"\.atrous_conv\.offset_conv\.", r".offsets."),
    (r"\.atrous_conv\.modulator_conv\.", r".modulation."),
    (r"\.atrous_conv\.regular_conv\.", r".product."),
    (r"(\.branches\.\d)\.bn\.", r"\1.product.norm."),
)
"""(pattern, replacement), applied to every key in this order."""

TRAINING_ONLY = frozenset(
    f"decoder.{layer}.{part}"
    for n in (2, 3, 4)
    for layer in (f"conv_ms_spvn_{n}", f"gdt_convs_pred_{n}.0")
    for part in ("weight", "bias")
)
"""Keys that only training reads: heads of coarser mattes and of gradients."""

DERIVED, DERIVED_FOR = "relative_position_index", "relative_position_bias_table"
"""Integer buffers that follow from the window's size, and the weights that each lies beside."""

NORMED = ("enter", "leave", "gradient", "product", "mean", "join")
"""What our convolutions before a batch norm are called."""

NORMED_WITHOUT_BIAS = ("product", "mean", "join")
"""Those of them that have an offset only since the norm is folded in."""


@dataclass(frozen=True)
class Converter:
    """Makes the state dict of a network out of a published checkpoint whose tiles are in a certain order.

    It renames, folds the norms, and makes sure that the checkpoint is one of this network. Where no order is declared,
    the kernels decide.
    """

    make_network: Callable[[], BiRefNet]
    order: TileOrder | None

    def __call__(self, published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Raises WeightsCorrupt."""
        return converted(reorder_kernels(published, declared=self.order), self.make_network)


convert_large = Converter(large_network, OUR_ORDER)
convert_large_of_older_order = Converter(large_network, BEFORE_NOVEMBER_2024)
convert_large_by_kernels = Converter(large_network, None)
convert_lite = Converter(lite_network, OUR_ORDER)
convert_lite_of_older_order = Converter(lite_network, BEFORE_NOVEMBER_2024)
convert_lite_by_kernels = Converter(lite_network, None)


def converted(published: Mapping[str, torch.Tensor], make_network: Callable[[], BiRefNet]) -> dict[str, torch.Tensor]:
    """The state dict of such a network, from a published checkpoint; what the norms scale is float32.

    Raises WeightsCorrupt naming the first key that is unknown, of another shape (both in the checkpoint's own
    spelling) or missing (in ours).
    """
    with unfilled():
        shapes = published_shapes(make_network())
    refuse_another_architecture(published, shapes)
    expected = Expected(shapes, network="BiRefNet", hint=_HINT)
    renamed = expected.renamed({key: value for key, value in published.items() if is_read(key, shapes)}, rename)
    expected.refuse_partial(renamed)
    return with_norms_folded(renamed)


rename = renamed_by(RENAMES)
"""Our name of a published key."""


def is_read(key: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether inference needs a published key; `shapes` are those of all that it needs, under our names."""
    is_derived = key.endswith(DERIVED) and rename(key.replace(DERIVED, DERIVED_FOR)) in shapes
    return key not in TRAINING_ONLY and not is_derived


def published_shapes(network: BiRefNet) -> dict[str, tuple[int, ...]]:
    """What a published checkpoint of this network has, under our names, norms not yet folded, without TRAINING_ONLY."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, value in network.state_dict().items():
        layer, _, part = name.rpartition(".")
        kind = layer.rpartition(".")[2]
        if kind not in NORMED_WITHOUT_BIAS or part != "bias":
            shapes[name] = tuple(value.shape)
        if kind in NORMED and part == "weight":
            shapes |= {f"{layer}.norm.{of_norm}": (value.shape[0],) for of_norm in NORM_PARTS}
            shapes[f"{layer}.norm.num_batches_tracked"] = ()
    return shapes


def refuse_another_architecture(published: Mapping[str, torch.Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise WeightsCorrupt for what is a BiRefNet, but of another kind than this model."""
    embedding = published.get("bb.patch_embed.proj.weight")
    if embedding is None:
        return
    if "decoder.ipt_blk5.conv1.weight" not in published:
        raise WeightsCorrupt(
            "this BiRefNet is from before May 2024, or a different network: 'decoder.ipt_blk5.conv1.weight' is missing",
            hint="its authors have published newer weights since",
        )
    width, wanted = embedding.shape[0], expected["backbone.patch_embed.weight"][0]
    if width != wanted:
        raise WeightsCorrupt(
            f"this is a BiRefNet with another backbone: its first layer is {width} wide, this model's {wanted}",
            hint="192 belongs to birefnet and its variants, 96 to birefnet-lite and its variants",
        )


_HINT = "use model.safetensors of ZhengPeng7/BiRefNet or one of its variants on the Hub"
