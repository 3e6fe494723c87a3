"""Ctrl-C stops a command also where Python drops the exception."""

from __future__ import annotations

import contextlib
import signal
import sys

import pytest

from dis_core.cli.interrupts import heeding_ctrl_c
from dis_core.progress import ignore


def test_an_interrupt_that_got_lost_is_raised_again_by_the_next_report() -> None:
    with heeding_ctrl_c(ignore) as report:
        report(0.1, "working")
        with contextlib.suppress(KeyboardInterrupt):  # as a finalizer drops it
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            report(0.2, "working")


def test_who_ignores_ctrl_c_is_left_alone() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heeding_ctrl_c(ignore) as report:
            signal.raise_signal(signal.SIGINT)
            report(0.1, "working")
            within = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert within is signal.SIG_IGN


def test_afterwards_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)

    with heeding_ctrl_c(ignore):
        pass

    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM cannot be sent there")
def test_other_signals_can_do_what_ctrl_c_does_and_not_longer_than_wanted() -> None:
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "another test has left a handler, which would be called"

    with heeding_ctrl_c(ignore, also=[signal.SIGTERM]) as report:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            report(0.1, "working")

    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
