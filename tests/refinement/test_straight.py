"""Edges straight from a small matte to the image, without levels."""

from __future__ import annotations

import numpy as np

from dis_core.planes import Plane
from dis_core.progress import ignore
from dis_core.refinement.resizing import enlarged, shrunk
from dis_core.refinement.straight import straight_along_edges

SIZE = (400, 480)
SEEN = (96, 96)


def straight(image: Plane, coarse: Plane, *, known: Plane | None = None) -> Plane:
    before = shrunk(coarse, SEEN)
    return straight_along_edges(
        image,
        coarse,
        seen=shrunk(image, SEEN),
        before=before,
        known=before if known is None else known,
        report=ignore,
    )


def ramp(middle: float, width_px: float) -> Plane:
    """A matte that rises from left to right."""
    columns = (np.arange(SIZE[1], dtype=np.float32) + np.float32(0.5) - np.float32(middle)) / np.float32(width_px)
    return np.repeat(np.clip(columns + 0.5, 0, 1)[np.newaxis], SIZE[0], axis=0).astype(np.float32)


def two_colors(middle: float) -> Plane:
    """An image whose colors change sharply from left to right."""
    edge = ramp(middle, 1)
    return np.stack([0.2 + 0.5 * edge, 0.7 - 0.3 * edge, np.full_like(edge, 0.4)], axis=2)


def test_a_soft_matte_becomes_as_sharp_as_the_edge_in_the_image() -> None:
    truth, coarse = ramp(250, 1), ramp(250, 30)

    fine = straight(two_colors(250), coarse)

    assert np.abs(fine - truth).mean() < 0.5 * np.abs(coarse - truth).mean()


def test_an_edge_beside_its_place_moves_there() -> None:
    truth, coarse = ramp(250, 1), ramp(256, 12)

    fine = straight(two_colors(250), coarse)

    assert np.abs(fine - truth).mean() < 0.7 * np.abs(coarse - truth).mean()


def test_where_color_says_nothing_the_matte_stays() -> None:
    coarse = ramp(250, 30)

    assert np.abs(straight(np.full((*SIZE, 3), 0.5, np.float32), coarse) - coarse).max() < 1e-6


def test_what_the_network_knows_better_is_carried_to_the_image() -> None:
    coarse = ramp(250, 30)
    known = shrunk(coarse, SEEN).copy()
    known[30:60] *= np.float32(0.5)

    fine = straight(np.full((*SIZE, 3), 0.5, np.float32), coarse, known=known)

    assert np.abs(fine - coarse * enlarged(known / np.maximum(shrunk(coarse, SEEN), 1e-6), SIZE)).mean() < 0.005
    assert np.abs(fine[:100] - coarse[:100]).max() < 1e-6
