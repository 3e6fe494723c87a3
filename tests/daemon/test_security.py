"""Nobody but its user reaches the daemon, and nobody who does can harm it by what they say."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Listener, deliver_challenge
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dis_core.daemon import client, endpoint
from dis_core.daemon.connection import AUTHENTICATION_S
from dis_core.daemon.protocol import MAX_MESSAGE_BYTES, PROTOCOL
from dis_core.jobs.job import Job, MaskStyle
from dis_core.jobs.json_values import to_json_value
from dis_core.prompts import SegmentOptions
from tests.fakes.any_json import ANYTHING
from tests.fakes.daemon_home import DaemonHome, daemon_home
from tests.fakes.locked_folders import IS_ROOT

NOBODY = 65534
AS_NOBODY: dict[str, Any] = {
    "user": NOBODY,
    "group": NOBODY,
    "extra_groups": [],
    "cwd": "/",
    "env": {},
    "capture_output": True,
    "text": True,
    "timeout": 30,
}

TRY_TO_GET_IN = """
import json, pathlib, socket, sys
from multiprocessing.connection import Client
found = json.loads(sys.argv[2])
def attempt(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
folder = pathlib.Path(sys.argv[1])
print(json.dumps([
    attempt(lambda: list(folder.iterdir())),
    attempt(lambda: (folder / "endpoint.json").read_bytes()),
    attempt(lambda: (folder / (found["name"] + ".key")).read_bytes()),
    attempt(lambda: (folder / "planted").write_bytes(b"x")),
    attempt(lambda: Client(found["address"])),
    attempt(lambda: pathlib.Path(sys.argv[3]).read_bytes()),
]))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonHome]:
    """A home whose daemon runs."""
    with daemon_home(tmp_path_factory.mktemp("home")) as home:
        home.run("mask", "a.png", "--model", "pdfnot", "--warm")
        yield home


def asked(home: DaemonHome, **message: Any) -> list[dict[str, Any]]:
    """All that the daemon answers to a message of somebody who knows the key."""
    connection = home.connect()
    assert connection is not None
    try:
        return list(connection.ask(**{"do": "segment", **message}))
    finally:
        connection.close()


def job_of(home: DaemonHome, **changes: Any) -> dict[str, Any]:
    options = SegmentOptions(model="pdfnot", device="cpu")
    plain = to_json_value(Job(home.work / "a.png", home.work / "out.png", "png", MaskStyle(), options))
    return {**plain, **changes}


def raw_connection(home: DaemonHome) -> socket.socket:
    """A connection of somebody who does not know the key."""
    found = endpoint.read_endpoint(home.runtime)
    assert found is not None
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(found.address)
    return connection


def heard_until_the_end(connection: socket.socket) -> bytes:
    heard = b""
    try:
        while chunk := connection.recv(4096):
            heard += chunk
    except ConnectionResetError:
        pass
    return heard


def is_well(home: DaemonHome) -> bool:
    status = home.status()
    return status is not None and not status["is_leaving"]


def test_the_folder_and_what_is_in_it_are_the_users_alone(home: DaemonHome) -> None:
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.runtime.iterdir()}

    assert stat.S_IMODE(home.runtime.stat().st_mode) == 0o700
    assert len(rights) == 5  # lock, lock for starting, found, key, socket
    assert not {name for name, mode in rights.items() if mode & 0o077}


@pytest.fixture
def other_users_python() -> str:
    """A Python that another user may start: an environment's own often lies where only its owner gets."""
    found = [shutil.which("python3", path=place) for place in ("/usr/bin", "/bin", "/usr/local/bin")]
    for python in filter(None, [*found, os.path.realpath(sys.executable)]):
        with contextlib.suppress(OSError):
            if not subprocess.run([python, "-c", ""], **AS_NOBODY, check=False).returncode:
                return python
    pytest.skip("there is no Python that another user may start")


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_another_user_of_the_machine_gets_nowhere(home: DaemonHome, other_users_python: str) -> None:
    # All folders above are open to the other user, so that only the daemon's own keep them out.
    above = [folder for folder in (home.folder, *home.folder.parents) if folder.stat().st_uid == os.geteuid()]
    rights = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in above}
    for folder in above:
        folder.chmod(rights[folder] | 0o055)
    found = (home.runtime / "endpoint.json").read_text(encoding="utf-8")
    log = home.folder / "state" / "dis-core" / "log" / "daemon.log"

    done = subprocess.run(
        [other_users_python, "-c", TRY_TO_GET_IN, str(home.runtime), found, str(log)],
        **AS_NOBODY,
        check=True,
    )

    for folder in above:
        folder.chmod(rights[folder])
    assert json.loads(done.stdout) == ["PermissionError"] * 6
    assert is_well(home)


def test_who_does_not_know_the_key_is_sent_away(home: DaemonHome) -> None:
    found = endpoint.read_endpoint(home.runtime)
    assert found is not None
    key = home.runtime / f"{found.name}.key"
    right = key.read_bytes()
    key.write_bytes(b"0" * 64)

    connection = home.connect()
    key.write_bytes(right)

    assert connection is None
    assert is_well(home)


def test_a_program_in_the_daemons_place_that_does_not_know_the_key_is_told_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    found, _ = endpoint.new_endpoint(tmp_path)
    endpoint.publish(tmp_path, found)
    heard: list[bytes] = []

    def pretend() -> None:
        with Listener(found.address) as listener, listener.accept() as connection:
            try:
                deliver_challenge(connection, b"a guess")
                heard.append(connection.recv_bytes())
            except Exception:  # noqa: BLE001 - however it fails, it has heard nothing
                return

    thread = threading.Thread(target=pretend)
    thread.start()
    while not Path(found.address).exists():
        time.sleep(0.01)

    connection = client.find_daemon(tmp_path)
    thread.join(timeout=10)

    assert connection is None
    assert not heard


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack("!i", 20) + b"x" * 20,
        struct.pack("!i", 2_000_000_000),
        struct.pack("!i", -1) + struct.pack("!Q", 1 << 60),
        struct.pack("!i", -7) + b"x" * 99,
        os.urandom(4096),
    ],
    ids=["nothing", "http", "wrong answer", "two gigabytes", "an exabyte", "less than nothing", "noise"],
)
def test_strangers_who_babble_are_hung_up_on(home: DaemonHome, said: bytes) -> None:
    with raw_connection(home) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)

        heard = heard_until_the_end(connection)

    assert b"CHALLENGE" in heard
    assert b"WELCOME" not in heard
    assert is_well(home)


def test_who_says_nothing_is_hung_up_on_and_keeps_nobody_waiting(home: DaemonHome) -> None:
    silent = [raw_connection(home) for _ in range(20)]
    started = time.monotonic()

    answered = is_well(home)
    took_s = time.monotonic() - started
    for connection in silent:
        heard_until_the_end(connection)
        connection.close()

    assert answered
    assert took_s < AUTHENTICATION_S / 2  # which one of them takes, if it is waited for
    assert time.monotonic() - started < AUTHENTICATION_S + 3


@pytest.mark.parametrize(
    "data",
    [
        b"no json",
        b"[1, 2]",
        b'{"do": NaN}',
        b"[" * 60_000,
        b'{"do": "segment", "job": ' + b'{"a":' * 20_000,
        b"\xff\x00",
        b'"' + b"x" * (MAX_MESSAGE_BYTES - 2) + b'"',
    ],
    ids=["words", "a list", "not a number", "deep", "deeper", "no ASCII", "long"],
)
def test_messages_that_are_none_are_refused_in_words(home: DaemonHome, data: bytes) -> None:
    connection = home.connect()
    assert connection is not None

    connection._connection.send_bytes(data)
    answer = json.loads(connection._connection.recv_bytes())
    connection.close()

    assert answer["code"] == "BadRequest"
    assert is_well(home)


def test_a_message_that_is_too_long_is_not_even_read(home: DaemonHome) -> None:
    connection = home.connect()
    assert connection is not None

    with contextlib.suppress(OSError):  # it may hang up before all is sent
        connection._connection.send_bytes(b"x" * (MAX_MESSAGE_BYTES + 1))
    with pytest.raises((OSError, EOFError)):
        connection._connection.recv_bytes()
    connection.close()

    assert is_well(home)


def test_a_protocol_that_is_unknown_is_refused_in_words_but_may_stop_the_daemon(home: DaemonHome) -> None:
    connection = home.connect()
    assert connection is not None

    connection._connection.send_bytes(json.dumps({"protocol": PROTOCOL + 1, "do": "segment"}).encode())
    answer = json.loads(connection._connection.recv_bytes())
    connection._connection.send_bytes(json.dumps({"protocol": PROTOCOL + 1, "do": "status"}).encode())
    status = json.loads(connection._connection.recv_bytes())
    connection.close()

    assert answer["code"] == "ProtocolMismatch"
    assert str(PROTOCOL) in answer["message"]
    assert str(PROTOCOL + 1) in answer["message"]
    assert status["event"] == "status"


@pytest.mark.parametrize(
    "changes",
    [
        {"destination": "out.png"},
        {"destination": None},
        {"source": None},
        {"source": "../a.png"},
        {"destination": "/a\0b.png"},
        {"format": "exe"},
        {"style": {"kind": "mask", "bits": 1000}},
        {"options": {"depth": "depth.png"}},
    ],
    ids=str,
)
def test_orders_that_are_none_are_refused_by_name(home: DaemonHome, changes: dict[str, Any]) -> None:
    (answer,) = asked(home, job=job_of(home, **changes))

    assert answer["code"] == "BadRequest"
    assert is_well(home)


def test_a_pipe_is_refused_since_it_could_hold_up_everybody(home: DaemonHome) -> None:
    os.mkfifo(home.work / "pipe")

    *_, answer = asked(home, job=job_of(home, source=str(home.work / "pipe")))

    assert (answer["code"], str(home.work / "pipe") in answer["message"]) == ("BadRequest", True)


def test_two_orders_at_once_on_one_connection_end_it(home: DaemonHome) -> None:
    connection = home.connect()
    assert connection is not None
    message = json.dumps({"protocol": PROTOCOL, "do": "segment", "job": job_of(home)}).encode()

    answers = []
    with contextlib.suppress(EOFError, OSError):
        for _ in range(50):
            connection._connection.send_bytes(message)
        for _ in range(500):
            answers.append(json.loads(connection._connection.recv_bytes()))
    connection.close()

    assert len(answers) < 50
    assert {answer.get("code") for answer in answers} <= {None, "UnknownModel", "BadRequest"}
    assert is_well(home)


@settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.fixed_dictionaries(
        {"do": st.sampled_from(["segment", "status", "dance"]) | ANYTHING},
        optional={"protocol": st.just(PROTOCOL) | ANYTHING, "umask": ANYTHING, "log_level": ANYTHING},
    ),
    changes=st.dictionaries(st.sampled_from(["source", "format", "style", "options", "overwrite"]), ANYTHING),
)
def test_whatever_is_asked_is_answered_and_nothing_is_written(
    home: DaemonHome, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    before = sorted(home.work.rglob("*"))
    connection = home.connect()
    assert connection is not None

    connection._connection.send_bytes(json.dumps({**message, "job": job_of(home, **changes)}).encode())
    answer = json.loads(connection._connection.recv_bytes())
    connection.close()

    assert answer["event"] in ("error", "failure", "status", "progress")
    assert sorted(home.work.rglob("*")) == before
    assert is_well(home)


def test_a_client_that_does_not_listen_keeps_nobody_waiting_and_is_hung_up_on(home: DaemonHome) -> None:
    deaf = home.connect()
    assert deaf is not None

    sent = 0
    with contextlib.suppress(OSError):
        while sent < 1_000_000:
            deaf._connection.send_bytes(json.dumps({"protocol": PROTOCOL, "do": "status"}).encode())
            sent += 1
    deaf.close()

    assert sent < 1_000_000
    assert is_well(home)
