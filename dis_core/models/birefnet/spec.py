"""BiRefNet: the declarations of its variants."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, WeightsFile
from dis_core.models import papers

CONVERT_LARGE = Conversion("birefnet-large", 1, "dis_core.models.birefnet.checkpoint:convert_large")
CONVERT_LITE = Conversion("birefnet-lite", 1, "dis_core.models.birefnet.checkpoint:convert_lite")

BIREFNETS = tuple(
    ModelSpec(
        name=name,
        summary=summary,
        license="MIT",
        commercial_use="conditional",
        weights=WeightsFile(f"ZhengPeng7/{repo}", "model.safetensors", size_bytes=size_mb * 1_000_000),
        loader=f"dis_core.models.birefnet.segmenter:load_{network}",
        conversion=CONVERT_LITE if network == "lite" else CONVERT_LARGE,
        half_precision=True,
        citation=papers.BIREFNET,
    )
    for name, repo, size_mb, network, summary in (
        ("birefnet", "BiRefNet", 444, "1024", "BiRefNet trained on many sets: a strong all-round choice"),
        ("birefnet-hr", "BiRefNet_HR", 444, "2048", "BiRefNet that sees 2048 x 2048: four times as slow, finer"),
        ("birefnet-hr-matting", "BiRefNet_HR-matting", 444, "2048", "BiRefNet at 2048 x 2048 for hair and the like"),
        ("birefnet-matting", "BiRefNet-matting", 885, "1024", "BiRefNet for hair, fur and what one sees through"),
        ("birefnet-portrait", "BiRefNet-portrait", 885, "1024", "BiRefNet for people"),
        ("birefnet-dynamic", "BiRefNet_dynamic", 444, "1024", "BiRefNet trained with sizes of 256 to 2304"),
        ("birefnet-512", "BiRefNet_512x512", 444, "512", "BiRefNet that sees 512 x 512: four times as fast, coarser"),
        ("birefnet-lite", "BiRefNet_lite", 178, "lite", "a smaller BiRefNet, trained as the large one"),
        ("birefnet-lite-matting", "BiRefNet_lite-matting", 89, "lite", "the smaller BiRefNet for hair and the like"),
        ("birefnet-dis5k", "BiRefNet-DIS5K", 885, "1024", "BiRefNet trained on DIS5K alone, as in the paper"),
        ("birefnet-dis5k-all", "BiRefNet-DIS5K-TR_TEs", 885, "1024", "BiRefNet trained on DIS5K with its test sets"),
        ("birefnet-hrsod", "BiRefNet-HRSOD", 885, "1024", "BiRefNet trained on salient objects of high resolution"),
        ("birefnet-cod", "BiRefNet-COD", 885, "1024", "BiRefNet trained on what is camouflaged"),
        ("birefnet-legacy", "BiRefNet-legacy", 885, "1024", "an earlier BiRefNet for everything"),
    )
)
"""BiRefNet's weights for different purposes: all of one network, or of its smaller sister."""
