"""Separate things in a matte."""

from __future__ import annotations

import numpy as np
import pytest

from dis_core.matte.matte import Matte
from dis_core.matte.parts import label_parts


def discs(*centers_and_radii: tuple[int, int, float]) -> Matte:
    y, x = np.mgrid[:100, :160]
    alpha = np.zeros((100, 160), np.float32)
    for row, column, radius in centers_and_radii:
        alpha = np.maximum(alpha, np.clip((radius + 4 - np.hypot(y - row, x - column)) / 8, 0, 1)).astype(np.float32)
    return Matte(alpha, "test@0")


def test_two_discs_are_two_parts_the_larger_first() -> None:
    matte = discs((50, 40, 12), (50, 110, 20))

    large, small = matte.parts()

    assert large.box == (90, 30, 131, 71)
    assert large.area_px > small.area_px
    assert small.box.right < 60


def test_the_parts_together_are_the_matte_soft_edges_included() -> None:
    matte = discs((50, 40, 12), (50, 66, 12))  # their soft edges touch

    parts = matte.parts()

    assert len(parts) == 2
    assert np.array_equal(sum(part.matte.alpha for part in parts), matte.alpha)


def test_an_empty_matte_has_no_parts() -> None:
    assert discs().parts() == []


def test_specks_are_no_parts() -> None:
    matte = discs((50, 40, 12))
    matte.alpha[5, 5] = 1

    assert len(matte.parts()) == 1


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (["#.#", "#.#", "###"], 1),
        (["#.#", ".#.", "#.#"], 1),
        (["#.#", "...", "#.#"], 4),
        (["##.#", "..##", "#..."], 2),
        (["#####", "#...#", "#.#.#", "#...#", "#####"], 2),
        ([".#.#.", "#.#.#"], 1),
    ],
    ids=["a U", "an X", "corners", "a step", "a ring around a dot", "a zigzag"],
)
def test_what_touches_is_connected_also_at_corners(rows: list[str], count: int) -> None:
    mask = np.array([[character == "#" for character in row] for row in rows])

    labels, found = label_parts(mask)

    assert found == count
    assert np.array_equal(labels > 0, mask)


def test_labels_agree_with_an_independent_flood_fill() -> None:
    rng = np.random.default_rng(0)

    for density in (0.2, 0.4, 0.6):
        mask = rng.random((40, 50)) < density
        _, found = label_parts(mask)
        assert found == count_by_flooding(mask)


def count_by_flooding(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}
    count = 0
    while left:
        count += 1
        front = [left.pop()]
        while front:
            y, x = front.pop()
            for near in [(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    front.append(near)
    return count
