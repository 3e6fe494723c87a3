"""Where the daemon is found, on every system; what cannot be run here is one small function, tried by name."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dis_core.daemon import client, endpoint
from dis_core.daemon.client import find_daemon
from dis_core.daemon.endpoint import Endpoint
from dis_core.errors import DaemonUnavailable
from tests.fakes.locked_folders import IS_ROOT

ENDPOINT = Endpoint("a1", "/somewhere/a1.socket", "x", "0.1.0", 77)


def test_the_folder_is_the_runtime_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    assert endpoint.runtime_folder() == tmp_path / "dis-core"


@pytest.mark.parametrize("given", ["", "relative/folder", "/not/there"])
def test_without_a_runtime_folder_one_with_the_users_number_is_taken(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", given)

    assert endpoint.runtime_folder() == Path(tempfile.gettempdir(), f"dis-core-{os.geteuid()}")


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a folder to somebody else")
def test_a_runtime_folder_of_somebody_else_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # as after `sudo -E`
    os.chown(tmp_path, 65534, 65534)

    assert endpoint.runtime_folder().parent == Path(tempfile.gettempdir())


def test_on_windows_the_folder_is_below_the_users_own_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALAPPDATA", "C:/Users/anna/AppData/Local")

    folder = endpoint.runtime_folder("win32")

    assert folder == Path("C:/Users/anna/AppData/Local/dis-core/run")
    assert endpoint.new_address(folder, "a1", "win32") == r"\\.\pipe\dis-core-a1"


def test_on_windows_the_daemon_is_started_without_a_console() -> None:
    assert client.detached("win32") == {"creationflags": 0x208, "close_fds": True}
    assert client.detached("darwin") == client.detached("linux") == {"start_new_session": True, "close_fds": True}


def test_a_socket_that_would_have_too_long_a_name_goes_into_a_folder_with_a_short_one(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir(mode=0o700)
    address = endpoint.new_address(folder, "a1", "darwin")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
    found = Endpoint("a1", address, "x", "0.1.0", 77)
    endpoint.publish(folder, found)
    rights = Path(address).parent.stat().st_mode & 0o777

    endpoint.withdraw(folder, found)

    assert len(os.fsencode(address)) <= endpoint.LONGEST_SOCKET_PATH_BYTES
    assert rights == 0o700
    assert not Path(address).parent.exists()


def test_what_a_killed_daemon_left_is_swept_away_also_outside_of_its_folder(tmp_path: Path) -> None:
    outside = Path(tempfile.mkdtemp(prefix="dis-core-"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(outside / "socket"))
    endpoint.publish(tmp_path, Endpoint("a1", str(outside / "socket"), "x", "0.1.0", 77))
    (tmp_path / "a1.key").write_text("secret")
    (tmp_path / ".dis-core-b2.part").write_text("half written")

    endpoint.remove_stale_files(tmp_path)

    assert not list(tmp_path.iterdir())
    assert not outside.exists()


def test_an_endpoint_never_leads_to_the_removal_of_what_is_no_socket(tmp_path: Path) -> None:
    precious = tmp_path / "photos"
    precious.mkdir()
    (precious / "beach.jpg").write_bytes(b"precious")
    endpoint.publish(tmp_path, Endpoint("../photos/beach", str(precious / "beach.jpg"), "x", "0.1.0", 77))

    endpoint.remove_stale_files(tmp_path)

    assert (precious / "beach.jpg").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "change",
    [
        *({"name": name} for name in ("../photos/beach", "", "a\0b", "\ud800", "a" * 300, 3)),
        *({"address": 7}, {"address": None}, {"address": []}),
        *({"pid": "1"}, {"is_leaving": None}, {"identity": {}}, {"version": 1.5}),
    ],
    ids=lambda change: str(change)[:20],
)
def test_an_endpoint_with_a_value_of_another_kind_is_as_good_as_none(tmp_path: Path, change: dict[str, object]) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "endpoint.json").write_text(json.dumps({**asdict(ENDPOINT), **change}), encoding="utf-8")

    found = endpoint.read_endpoint(tmp_path)
    endpoint.remove_stale_files(tmp_path)

    assert found is None
    assert find_daemon(tmp_path) is None


@pytest.mark.parametrize("address", ["", "a\0b", "\ud800", "a" * 5000, "/", "."], ids=lambda address: address[:9])
def test_an_address_that_leads_nowhere_keeps_no_daemon_from_starting(tmp_path: Path, address: str) -> None:
    tmp_path.chmod(0o700)
    endpoint.publish(tmp_path, replace(ENDPOINT, address=address))
    (tmp_path / "a1.key").write_text("secret")

    found = find_daemon(tmp_path)
    endpoint.remove_stale_files(tmp_path)

    assert found is None
    assert not list(tmp_path.iterdir())


def test_a_daemon_that_leaves_takes_only_its_own_endpoint_with_it(tmp_path: Path) -> None:
    newer = Endpoint("b2", "/somewhere/b2.socket", "x", "0.1.0", 78)
    endpoint.publish(tmp_path, newer)

    endpoint.withdraw(tmp_path, ENDPOINT)

    assert endpoint.read_endpoint(tmp_path) == newer


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(DaemonUnavailable, match=re.escape(str(folder))):
        endpoint.make_private(folder)


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("own")

    with pytest.raises(DaemonUnavailable):
        endpoint.make_private(tmp_path / "link")


def test_a_lock_is_held_by_one_process_and_let_go_of_when_that_is_killed(tmp_path: Path) -> None:
    holds = (
        "import sys, pathlib\nfrom dis_core.daemon.endpoint import locked\n"
        "with locked(pathlib.Path(sys.argv[1])) as mine:\n    print(mine, flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        with endpoint.locked(tmp_path) as while_it_lives:
            pass
        child.kill()

    with endpoint.locked(tmp_path, timeout_s=5.0) as after_it_died:
        pass

    assert [while_it_lives, after_it_died] == [False, True]


@pytest.mark.parametrize(
    "name",
    ["HF_HUB_OFFLINE", "HF_TOKEN", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"],
)
def test_programs_with_other_settings_have_other_identities(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = endpoint.identity()

    again = endpoint.identity()
    monkeypatch.setenv(name, "1")
    other = endpoint.identity()

    assert before == again != other
