"""What the editors tell dis-core of a box or a click on the canvas."""

from __future__ import annotations

from shared.pointing import OUTSIDE, Told, told_region

LAYER = (100, 50, 200, 100)


def test_a_box_is_told_in_pixels_of_the_layer_and_cut_to_it() -> None:
    region = told_region(Told(box=(90, 60, 50, 200)), LAYER)

    assert region.arguments() == ["--box", "0,10,40,90"]


def test_a_click_is_told_as_a_point_in_pixels_of_the_layer() -> None:
    assert told_region(Told(point=(130, 149)), LAYER).arguments() == ["--point", "30,99"]


def test_what_lies_outside_of_the_layer_is_refused() -> None:
    for told in (Told(box=(0, 0, 100, 50)), Told(point=(300, 60))):
        assert told_region(told, LAYER).refusal == OUTSIDE
