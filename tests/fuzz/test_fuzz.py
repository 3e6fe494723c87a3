"""A short run of each kind of input, and whether faults would be found."""

from __future__ import annotations

import pytest

from tests.fuzz.kinds import KINDS, kind_at
from tests.fuzz.running import run
from tests.fuzz.worker import input_of


@pytest.mark.parametrize("kind", KINDS)
def test_every_input_is_answered(kind: str) -> None:
    outcome = run(KINDS[kind], seed=1, seconds=120, most_inputs=100)

    assert outcome.failures == ()
    assert outcome.tried == 100


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_inputs(kind: str) -> None:
    loaded = kind_at(KINDS[kind])
    seeds = list(loaded.seeds())

    inputs = [input_of(loaded, seeds, seed=3, number=number) for number in range(20)]

    assert inputs == [input_of(loaded, seeds, seed=3, number=number) for number in range(20)]
    assert len(set(inputs)) > 10


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("RAISING", "ValueError: no x"),
        ("HANGING", "took more than 2 s"),
        ("DYING", "status -6"),
        ("SWELLING", "MemoryError"),
    ],
)
def test_a_fault_is_found_and_the_run_goes_on_after_it(fault: str, expected: str) -> None:
    outcome = run(f"tests.fuzz.planted:{fault}", seed=1, seconds=60, most_inputs=8)

    assert outcome.tried == 8
    assert outcome.failures
    assert all(expected in failure.what for failure in outcome.failures)


def test_our_own_errors_are_answers() -> None:
    assert run("tests.fuzz.planted:SOUND", seed=1, seconds=60, most_inputs=8).failures == ()
