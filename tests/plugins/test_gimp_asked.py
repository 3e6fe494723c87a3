"""What clicks in GIMP's preview make of a matte."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

SOURCE = Path(__file__).parents[2] / "plugins" / "gimp" / "dis-select-subject" / "asked.py"
LEFT, RIGHT, NOWHERE = (1, 1), (6, 2), (4, 0)


def load() -> ModuleType:
    """The module, whose folder has a name that cannot be imported."""
    spec = importlib.util.spec_from_file_location("gimp_asked", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


asked = load()
NUMBERS = np.zeros((4, 8), np.uint8)
NUMBERS[:, :3], NUMBERS[1:3, 5:] = 1, 2
MATTE = np.where(NUMBERS > 0, np.uint8(200), np.uint8(30))
FOUND = asked.Found(MATTE.tobytes(), 8, "matte.png", NUMBERS.tobytes())


def test_a_click_drops_a_part_and_a_second_one_brings_it_back() -> None:
    once = FOUND.without([RIGHT])
    twice = FOUND.without([RIGHT, LEFT, RIGHT])

    assert once == np.where(NUMBERS == 2, np.uint8(0), MATTE).tobytes()
    assert twice == np.where(NUMBERS == 1, np.uint8(0), MATTE).tobytes()


def test_a_click_beside_the_parts_or_outside_of_the_picture_changes_nothing() -> None:
    assert FOUND.without([NOWHERE, (-1, 0), (8, 0), (0, 4)]) == MATTE.tobytes()


def test_nothing_is_dropped_before_the_parts_are_numbered() -> None:
    assert asked.Found(MATTE.tobytes(), 8).without([LEFT]) == MATTE.tobytes()


def test_a_part_is_found_by_its_number() -> None:
    assert FOUND.part_at(FOUND.place_of(2)) == 2
    assert FOUND.place_of(3) is None


def test_a_box_is_looked_at_and_without_one_the_selection_decides() -> None:
    assert asked.region_in_box((1, 2, 3, 4)).arguments() == ["--box", "1,2,3,4"]
    assert asked.region_in_box(None) is None
