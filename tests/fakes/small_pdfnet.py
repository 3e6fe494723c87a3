"""A PDFNet with the embedded depth network, at 256 x 256: quick, and with the real classes. Its weights are random."""

import torch

from dis_core.models.pdfnet import depth_tiny
from dis_core.models.pdfnet.segmenter import PDFNetSegmenter, tiny_network
from dis_core.models.pdfnet.spec import DEPTH_TINY
from dis_core.models.resample import shrink_smoothly
from dis_core.protocols import Placement
from dis_core.weights import store

SIDE_PX = 256


def segmenter(placement: Placement) -> PDFNetSegmenter:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = tiny_network()
    return PDFNetSegmenter(
        network.eval().to(placement.device),
        side_px=SIDE_PX,
        placement=placement,
        estimate_depth=depth_tiny.load(store.embedded_path(DEPTH_TINY), placement=placement),
        resize=shrink_smoothly,
    )
