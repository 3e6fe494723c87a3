"""Boxes and points: what is accepted, what belongs together, and what becomes of them in a part of the image."""

from __future__ import annotations

import re
from typing import Any

import pytest

import dis_core
from dis_core.errors import BadRequest
from dis_core.geometry import Box, Points, boxes_within, checked_box, points_within
from dis_core.prompts import PromptObject, checked_prompt, prompt_objects, split_prompt

SIZE = (100, 200)
LEFT, RIGHT = Box(10, 10, 50, 90), Box(40, 20, 190, 60)


def test_boxes_and_points_are_public_names() -> None:
    assert dis_core.Box is Box
    assert dis_core.Points is Points


@pytest.mark.parametrize(
    ("given", "boxes", "points"),
    [
        (LEFT, (LEFT,), Points()),
        ((10, 10, 50, 90), (LEFT,), Points()),
        ([10, 10, 50, 90], (LEFT,), Points()),
        ([LEFT, (40, 20, 190, 60)], (LEFT, RIGHT), Points()),
        (Points([(1, 2)]), (), Points(((1.0, 2.0),))),
        (Points([(1, 2)], background=[[3, 4]]), (), Points(((1.0, 2.0),), ((3.0, 4.0),))),  # type: ignore[list-item]
        ([Points([(1, 2)]), LEFT, Points([(3, 4)])], (LEFT,), Points(((1.0, 2.0), (3.0, 4.0)))),
        ([LEFT, Points(background=[(5.5, 6)])], (LEFT,), Points((), ((5.5, 6.0),))),
        (Box(-50, -50, 20, 30), (Box(0, 0, 20, 30),), Points()),
    ],
)
def test_a_prompt_is_a_box_points_or_several(given: Any, boxes: tuple[Box, ...], points: Points) -> None:
    assert checked_prompt(*split_prompt(given), SIZE) == (boxes, points)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (Box(200, 0, 300, 50), "(200, 0) to (300, 50)"),
        (Box(10, 10, 10, 20), "(10, 10) to (10, 20)"),
        ((1, 2, 3), "(1, 2, 3)"),
        ((1.5, 2, 30, 40), "(1.5, 2, 30, 40)"),
        ((float("nan"), 2, 30, 40), "(nan, 2, 30, 40)"),
        (["ab"], "'ab'"),
        ("abcd", "'abcd'"),
        (7, "7"),
        ([], "[]"),
        (Points(), "Points(subject=(), background=())"),
        (Points(background=[(1, 2)]), "background"),
        (Points([(200, 50)]), "(200, 50)"),
        (Points([(5, 5)], background=[(-1, 50)]), "(-1, 50)"),
        (Points([(float("nan"), 50)]), "(nan, 50)"),
        (Points([(1, 2, 3)]), "(1, 2, 3)"),  # type: ignore[list-item]
        (Points(["ab"]), "'ab'"),  # type: ignore[list-item]
        (Points(5), "5"),  # type: ignore[arg-type]
    ],
)
def test_what_names_no_place_in_the_image_is_refused_with_the_value(given: Any, value: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(value)):
        checked_prompt(*split_prompt(given), SIZE)


def test_the_last_pixel_of_an_image_is_in_it() -> None:
    assert checked_prompt(*split_prompt(Points([(199.5, 99)])), SIZE)[1].subject == ((199.5, 99.0),)
    assert checked_box((199, 99, 200, 100), SIZE) == Box(199, 99, 200, 100)


# What belongs together


def test_each_box_is_an_object_with_the_points_in_it() -> None:
    points = Points([(20, 50)], background=[(100, 30)])

    assert prompt_objects([LEFT, RIGHT], points) == [
        PromptObject(LEFT, Points(((20, 50),), ())),
        PromptObject(RIGHT, Points((), ((100, 30),))),
    ]


def test_a_point_in_two_boxes_belongs_to_both() -> None:
    first, second = prompt_objects([LEFT, RIGHT], Points([(45, 30)]))

    assert first.points == second.points == Points(((45, 30),), ())


def test_points_on_the_subject_beside_all_boxes_are_on_one_more_object() -> None:
    objects = prompt_objects([LEFT], Points([(100, 50), (150, 50)]))

    assert objects == [PromptObject(LEFT, Points((), ())), PromptObject(None, Points(((100, 50), (150, 50)), ()))]


def test_background_beside_all_boxes_is_none_of_any_object() -> None:
    objects = prompt_objects([LEFT], Points([(100, 50)], background=[(5, 5)]))

    assert [wanted.points.background for wanted in objects] == [((5, 5),), ((5, 5),)]


def test_points_alone_are_one_object() -> None:
    points = Points(((1.0, 2.0), (3.0, 4.0)), ((5.0, 6.0),))

    assert prompt_objects([], points) == [PromptObject(None, points)]


# In a part of the image


def test_boxes_are_cut_to_a_part_and_move_with_it() -> None:
    assert boxes_within(Box(20, 0, 60, 50), [LEFT, RIGHT, Box(100, 0, 110, 5)]) == (
        Box(0, 10, 30, 50),
        Box(20, 20, 40, 50),
    )


def test_points_outside_of_a_part_are_left_out() -> None:
    points = Points([(25, 10), (5, 5)], background=[(60, 10), (59, 49)])

    assert points_within(Box(20, 0, 60, 50), points) == Points(((5, 10),), ((39, 49),))
