"""What a command makes of the daemon's answers: results, failures, and words where an answer makes no sense."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from dis_core.daemon import client
from dis_core.daemon.protocol import describe_error
from dis_core.daemon.remote_runner import DaemonBug, RemoteRunner, outcome_of
from dis_core.errors import BadRequest, DaemonUnavailable, DeviceUnavailable, NoImage
from dis_core.jobs.job import Job, JobFailure, JobResult, MaskStyle
from dis_core.jobs.json_values import to_json_value
from dis_core.prompts import SegmentOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT = JobResult("small@1", "cpu", None, ("a remark",))
ANSWER = {"event": "result", "result": to_json_value(RESULT)}


@pytest.mark.parametrize(
    "message",
    [
        {"event": "result"},
        {"event": "result", "result": None},
        {"event": "result", "result": {"model": 3}},
        {"event": "result", "result": {"model": "small"}},
        {"event": "news"},
        {"event": []},
        {},
    ],
    ids=str,
)
def test_an_answer_that_makes_no_sense_is_said_to(message: dict[str, Any]) -> None:
    with pytest.raises(DaemonUnavailable, match="was not understood"):
        outcome_of(message)


def test_an_answer_is_a_result_a_failure_an_error_or_a_bug() -> None:
    failure = outcome_of(describe_error("failure", NoImage("it is damaged", hint="another one")))

    assert outcome_of(ANSWER) == RESULT
    assert isinstance(failure, JobFailure)
    assert (type(failure.error), failure.error.message, failure.error.hint) == (
        NoImage,
        "it is damaged",
        "another one",
    )
    with pytest.raises(DeviceUnavailable, match="no such device"):
        outcome_of(describe_error("error", DeviceUnavailable("no such device")))
    with pytest.raises(DaemonBug, match="KeyError"):
        outcome_of({"event": "bug", "message": "KeyError: 3"})


class Talking:
    """A connection to a daemon that gives the same answer to everything."""

    def __init__(self, *said: dict[str, Any]) -> None:
        self._said = said

    def ask(self, *_: object, **__: object) -> Iterator[dict[str, Any]]:
        yield from self._said

    def close(self) -> None:
        """There is nothing to close."""


def test_a_daemon_that_talks_nonsense_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    warned: list[str] = []
    monkeypatch.setattr(client, "reach_daemon", lambda *_, **__: cast("Any", Talking({"event": "result", "result": 3})))
    job = Job(tmp_path / "nothing.png", tmp_path / "b.png", "png", MaskStyle(), SegmentOptions(model="dis-lite"))

    with RemoteRunner(None, warn=warned.append) as runner:
        outcome = runner.run(job, lambda *_: None)

    assert isinstance(outcome, JobFailure)  # of this process: there is no such image
    assert isinstance(outcome.error, NoImage)
    assert warned == [
        "the daemon's answer was not understood: JobResult has the wrong type; continuing without a daemon"
    ]


def test_progress_and_log_records_that_make_no_sense_do_no_harm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = ("much", 10**400, float("inf"), -0.5)
    said: list[dict[str, Any]] = [{"event": "progress"}]
    said += ({"event": "progress", "fraction": fraction, "doing": 3} for fraction in odd)
    said += [{"event": "progress", "fraction": 1, "doing": "x"}, {"event": "log"}]
    heard: list[tuple[float, str]] = []
    monkeypatch.setattr(client, "reach_daemon", lambda *_, **__: cast("Any", Talking(*said, ANSWER)))
    job = Job(tmp_path / "nothing.png", tmp_path / "b.png", "png", MaskStyle(), SegmentOptions())

    with RemoteRunner(None, warn=lambda _: None) as runner:
        outcome = runner.run(job, lambda fraction, doing: heard.append((fraction, doing)))

    assert outcome == RESULT
    assert heard == [(0.0, ""), *[(0.0, "3")] * 4, (1.0, "x")]


def test_errors_that_concern_all_images_name_paths_as_the_user_wrote_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    error = describe_error("error", BadRequest(f"{tmp_path / 'a.png'} is a pipe", hint=f"not {tmp_path / 'b.png'}"))
    monkeypatch.setattr(client, "reach_daemon", lambda *_, **__: cast("Any", Talking(error)))
    job = Job(Path("a.png"), Path("b.png"), "png", MaskStyle(), SegmentOptions())

    with RemoteRunner(None, warn=lambda _: None) as runner, pytest.raises(BadRequest) as caught:
        runner.run(job, lambda *_: None)

    assert (caught.value.message, caught.value.hint) == ("a.png is a pipe", "not b.png")
