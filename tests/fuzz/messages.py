"""JSON from other programs and from disks: messages to and from the daemon, records, an editor's settings.

Every input is given to all that read JSON, since whichever file or message it is in, it may be that one.
"""

from __future__ import annotations

import json
import math
import queue
import random
import sys
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

from dis_core.daemon import endpoint
from dis_core.daemon.connection import ClientConnection
from dis_core.daemon.lifecycle import Daemon
from dis_core.daemon.protocol import (
    INTERMEDIATE_EVENTS,
    MAX_MESSAGE_BYTES,
    PROTOCOL,
    InvalidMessage,
    Message,
    describe_error,
    receive,
)
from dis_core.daemon.remote_runner import DaemonBug, outcome_of
from dis_core.errors import DisError, NoImage
from dis_core.geometry import Box, Points
from dis_core.images.framing import Framing
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, JobResult, MaskStyle
from dis_core.jobs.json_values import from_json_value, to_json_value
from dis_core.prompts import SegmentOptions
from dis_core.protocols import RefinedLevel, Refinement
from dis_core.registry.builtin_models import dis_register_models
from dis_core.weights import records
from dis_core.weights.records import Record
from tests.fuzz.kind import Kind

sys.path.append(str(Path(__file__).parents[2] / "plugins"))  # as pytest has it
from shared.events import EventReader
from shared.models import parse_models
from shared.program import read_command
from shared.settings import ALLOWED, RANGES, from_strings

_JOB: Final = Job(
    source=Path("/images/Höhe.jpg"),
    destination=Path("/results/\udce4.png"),
    format="png",
    style=CutoutStyle(bgimage=Path("/images/sea.jpg"), bgcolor="red", crop=True, framing=Framing((30, 40), 7, 0.08)),
    options=SegmentOptions(
        model="pdfnet",
        roi=Box(1, 2, 30, 40),
        boxes=(Box(1, 2, 3, 4),),
        points=Points(((0.5, 2.0),), ((3.0, 4.0),)),
        depth=Path("/images/depth.png"),
    ),
)
_RESULT: Final = JobResult(
    "pdfnet@1", "cpu", Refinement("tiles", 1, "taken", (RefinedLevel((9, 8), 1, 2, 3, 4),)), ("a", "b")
)
_SPEC: Final = next(spec for spec in dis_register_models() if not spec.weights.is_embedded)
_RECORD: Final = Record(
    origin="hub",
    repo=_SPEC.weights.repo or "",
    filename=_SPEC.weights.filename,
    revision=_SPEC.weights.revision,
    source_sha256=_SPEC.weights.sha256 or "0" * 64,
    source_size_bytes=3,
    conversion=_SPEC.conversion_id,
    path="/dev/null",
    sha256="0" * 64,
    size_bytes=0,
    mtime_ns=1,
)
_ENDPOINT: Final = endpoint.Endpoint("0" * 16, "/nowhere/dis-core/x.socket", "1" * 32, "1.0", 4711)


def _documents() -> list[Any]:
    asked = {"protocol": PROTOCOL, "do": "segment", "umask": 18, "log_level": 30, "keep_alive_s": 600.0}
    style = MaskStyle(bits=16)
    listed = {"name": "pdfnet", "summary": "", "license": "MIT", "task": "matte", "prompts": ["box"], "size_bytes": 9}
    return [
        {**asked, "job": to_json_value(_JOB)},
        {**asked, "job": to_json_value(replace(_JOB, style=style, options=SegmentOptions()))},
        {**asked, "do": "prepare", "options": to_json_value(_JOB.options)},
        {"protocol": PROTOCOL, "do": "status"},
        {"protocol": PROTOCOL, "do": "stop", "when": "now"},
        {"event": "result", "result": to_json_value(_RESULT)},
        describe_error("failure", NoImage("it is damaged", hint="another one")),
        describe_error("error", DisError("too bad")),
        {"event": "progress", "fraction": 0.5, "doing": "segmenting"},
        {"event": "result", "model": "pdfnet@main", "device": "cpu", "seconds": 2, "remarks": ["a remark"]},
        {"event": "error", "code": "OutOfMemory", "message": "too little", "hint": ""},
        [
            listed,
            {**listed, "name": "other", "present": True, "needed": ["pdfnet"], "install_command": "pip install x"},
        ],
        asdict(_RECORD),
        asdict(_ENDPOINT),
        {"command": ["/usr/bin/python3", "-m", "dis_core"], "environment": {"A": "b"}, "segment_options": ["--warm"]},
        {**{name: next(iter(values)) for name, values in ALLOWED.items()}, **dict.fromkeys(RANGES, "7")},
    ]


def _seeds() -> list[bytes]:
    return [json.dumps(document).encode("ascii") for document in _documents()]


_ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1.5, 1e308, -1e308, 2**31, -(2**63), 10**400, 10**5000, "", "a\0b", "\ud800", "é" * 99),
    *("..", "/", "-", "a" * 5000, [], {}, [[]], [None] * 9, {"": 0}, {"kind": "mask"}, "NaN", "1e999", "\x1b[31m"),
)


def _repair(data: bytes) -> bytes:
    """A valid text of JSON, with one to four values replaced by odd ones; which, the damaged bytes decide."""
    chance = random.Random(data)  # noqa: S311  no secret
    document = chance.choice(_documents())
    for _ in range(chance.choice((1, 1, 2, 4))):
        document = _with_another_value(chance, document)
    if chance.random() < 0.02:
        return b"[" * 100_000
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    text = json.dumps(document)
    sys.set_int_max_str_digits(limit)
    return text.encode("ascii")


def _with_another_value(chance: random.Random, value: Any) -> Any:
    """The document with one place in it changed, removed or put deeper."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        changed = {**value, key: _with_another_value(chance, value[key])}
        return {name: inner for name, inner in changed.items() if name != key} if chance.random() < 0.1 else changed
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], _with_another_value(chance, value[place]), *value[place + chance.randrange(2) :]]
    if chance.random() < 0.05:
        for _ in range(chance.choice((10, 150))):
            value = [value] if chance.random() < 0.5 else {"style": value}
        return value
    return chance.choice(_ODD)


_ANSWERS: Final = ("error", "status", "stopping", "exiting", "preparing", *INTERMEDIATE_EVENTS)


class _Said:
    """What the readers of a connection need of one: a message that has arrived."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def recv_bytes(self, most_bytes: int) -> bytes:
        if len(self._data) > most_bytes:
            raise OSError("bad message length")
        return self._data


def _feed(data: bytes) -> None:
    for read in (_ask_the_daemon, _answer_the_client, _read_files, _read_in_an_editor):
        try:
            read(data)
        except DisError:
            continue


def _ask_the_daemon(data: bytes) -> None:
    """Give the daemon a message, and look at what it answers and queues."""
    if (message := _received(data)) is None:
        return
    daemon = Daemon(b"a key", keep_alive_s=0.0, announce_exit=lambda: None)
    client = ClientConnection(cast("Connection", _Said(b"")), daemon)
    try:
        client._handle(message)
    except InvalidMessage:
        return
    answers = list(_taken_from(client._outbox))
    for answer in answers:
        sent = json.dumps(answer, allow_nan=False).encode("ascii")
        assert len(sent) <= MAX_MESSAGE_BYTES
        assert answer is None or answer["event"] in _ANSWERS
    assert answers or daemon.worker.waiting == 1, "neither an answer nor a job"
    json.dumps(daemon.status(), allow_nan=False)
    for queued in daemon.worker._waiting:
        job = queued.job
        assert all(path.is_absolute() for path in (*job.read, *job.written))
        assert 0 <= queued.umask <= 0o777
        again = from_json_value(Job, json.loads(json.dumps(to_json_value(job))))
        assert again == job


def _taken_from(outbox: queue.SimpleQueue[Message | None]) -> list[Message | None]:
    taken: list[Message | None] = []
    while not outbox.empty():
        taken.append(outbox.get())
    return taken


def _answer_the_client(data: bytes) -> None:
    """Give a command the last event of a daemon's answer."""
    message = _received(data)
    if message is None or "event" not in message or message["event"] in INTERMEDIATE_EVENTS:
        return
    try:
        outcome = outcome_of(message)
    except DaemonBug:  # the command says so, and ends
        return
    if isinstance(outcome, JobFailure):
        json.dumps(describe_error("failure", outcome.error))


def _received(data: bytes) -> Message | None:
    try:
        return receive(cast("Connection", _Said(data)))
    except (InvalidMessage, OSError):
        return None


def _read_files(data: bytes) -> None:
    """Let the data lie where records, the daemon's endpoint and the editor's command are looked for."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "endpoint.json").write_bytes(data)
        found = endpoint.read_endpoint(folder)
        if found is not None:
            endpoint.read_key(folder, found)
            endpoint.remove_stale_files(folder)
            assert not (folder / "endpoint.json").exists()
            (folder / "endpoint.json").write_bytes(data)
        read_command(str(folder / "endpoint.json"))
        path = records.record_path
        (folder / f"{_SPEC.name}.json").write_bytes(data)
        records.record_path = lambda spec: folder / f"{spec.name}.json"
        try:
            record = records.read_record(_SPEC)
            if record is not None:
                records.is_unchanged(_SPEC, record)
        finally:
            records.record_path = path


def _read_in_an_editor(data: bytes) -> None:
    """Let an editor's plug-in read the data as what its child says, and as what it has kept."""
    reader = EventReader()
    for progress in reader.feed(data + b"\n"):
        assert math.isfinite(progress.fraction)
    for status in (0, 1):
        reader.finish(status, data)
    parse_models(data)
    try:
        kept = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(kept, dict):
        settings = from_strings({name: value for name, value in kept.items() if isinstance(value, str)})
        assert from_strings(settings.to_strings()) == settings


MESSAGES = Kind("messages", _seeds, _feed, _repair)
