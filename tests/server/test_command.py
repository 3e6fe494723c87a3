"""`dis-core serve` that cannot start says why, and what to do."""

from __future__ import annotations

import socket
import sys

import pytest

from dis_core.cli.main import run


def test_missing_packages_are_named_with_the_command_that_brings_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("dis_core.server.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("dis_core.server.running", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    status = run(["serve"])

    shown = capsys.readouterr().err
    assert status == 1
    assert "uvicorn" in shown
    assert "pip install 'dis-core[serve]'" in shown


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        status = run(["serve", "--model", "dis-lite", "--port", str(port)])

    assert status == 1
    assert f"cannot serve at 127.0.0.1, port {port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words"),
    [("pdfnot", "did you mean pdfnet?"), ("pdfnet", "dis-core fetch pdfnet"), ("sam-vit-base", "sam")],
)
def test_a_model_that_cannot_run_stops_the_start(name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["serve", "--model", name, "--port", "0"])

    assert status == 1
    assert words in capsys.readouterr().err
