"""Arithmetic on planes in the plug-in for GIMP, against numpy."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Path(__file__).parents[2] / "plugins" / "gimp" / "dis-select-subject" / "planes.py"


def load() -> ModuleType:
    """The module, whose folder has a name that cannot be imported."""
    spec = importlib.util.spec_from_file_location("gimp_planes", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


planes = load()
values = st.sampled_from([0, 0, 1, 100, 128, 254, 255, 255])
pairs = st.lists(st.tuples(values, values), min_size=1, max_size=40).map(
    lambda pair: tuple(np.array(part, np.uint8) for part in zip(*pair, strict=True))
)


@given(pairs)
def test_the_smaller_of_two_planes_is_that_of_numpy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    alpha, seen = pair

    assert planes.smaller(alpha.tobytes(), seen.tobytes()) == np.minimum(alpha, seen).tobytes()


@given(pairs)
def test_a_mask_turns_the_alpha_that_was_into_the_one_that_is_wanted(pair: tuple[np.ndarray, np.ndarray]) -> None:
    alpha, seen = np.minimum(*pair), pair[1]

    mask = np.frombuffer(planes.quotient(alpha.tobytes(), seen.tobytes()), np.uint8)

    assert np.abs(np.rint(mask / 255 * seen) - alpha).max() <= 1


@given(pairs)
def test_pixels_are_cleaned_where_the_subject_covers_them_in_part(pair: tuple[np.ndarray, np.ndarray]) -> None:
    alpha, seen = pair

    cleaned = np.frombuffer(planes.cleaned(alpha.tobytes(), seen.tobytes()), np.uint8)

    assert np.array_equal(cleaned == 255, (alpha != seen) & (alpha != 0))


@pytest.mark.parametrize("plane", [b"", b"\0\0", b"\0\1\2\0\3"])
def test_runs_hold_all_that_is_not_zero(plane: bytes) -> None:
    assert b"".join(plane[start:end] for start, end in planes.runs(plane)) == plane.replace(b"\0", b"")
