"""The maintainer's script that asks the Hub for commits and checksums, against the stand-in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from dis_core.models.pins import PINS, Pin
from scripts import pin_weights
from tests.fakes.fake_hub import COMMIT, FakeHub, run_fake_hub, use_hub

BIREFNET = "ZhengPeng7/BiRefNet/model.safetensors"
ISNET = "ClockZinc/IS-NET_pth/isnet-general-use.pth"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with run_fake_hub() as fake_hub:
        use_hub(monkeypatch, fake_hub.url)
        yield fake_hub


def test_a_pin_is_printed_as_the_table_has_it(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.files[ISNET] = b"weights" * 1000

    status = pin_weights.main(["isnet"])

    printed = capsys.readouterr().out
    assert status == 0
    assert eval("{" + printed + "}", {"Pin": Pin}) == {  # noqa: S307 - it is Python, for a person to paste
        ISNET: Pin(COMMIT, hashlib.sha256(b"weights" * 1000).hexdigest(), 7000, "verified")
    }
    assert not hub.downloads()


def test_what_differs_from_a_pin_of_today_is_said(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.files[BIREFNET] = b"weights"

    status = pin_weights.main(["birefnet"])

    assert status == 1
    assert "another file than pinned (second-hand, SHA-256 9ab37426bf4d" in capsys.readouterr().err


def test_the_same_file_in_a_newer_commit_is_told_from_another_file(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files[BIREFNET] = b"weights"
    old = Pin("f" * 40, hashlib.sha256(b"weights").hexdigest(), 7, "verified")
    monkeypatch.setitem(PINS, BIREFNET, old)

    status = pin_weights.main(["birefnet"])

    assert status == 1
    assert "the same file in another commit than pinned" in capsys.readouterr().err


def test_a_file_that_cannot_be_asked_for_does_not_keep_others_from_being_printed(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files[ISNET] = b"weights"

    status = pin_weights.main(["isnet", "isnet-dis5k"])

    captured = capsys.readouterr()
    assert status == 1
    assert ISNET in captured.out
    assert captured.err.startswith("Carve/isnet/isnet.pth: ")


def test_a_pickle_beside_safetensors_is_reported(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.files[ISNET] = b"weights"
    hub.files["ClockZinc/IS-NET_pth/isnet-general-use.safetensors"] = b"weights"

    status = pin_weights.main(["isnet"])

    assert status == 1
    assert "the repository has isnet-general-use.safetensors, too" in capsys.readouterr().err


def test_all_models_are_asked_for_once_each(hub: FakeHub) -> None:
    pin_weights.main([])

    asked = [request.path for request in hub.requests]
    assert len(asked) == len(set(asked)) > 20
    assert all("/resolve/main/" in path for path in asked)


def test_a_name_that_no_model_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert pin_weights.main(["birefnett"]) == 2
    assert "birefnett" in capsys.readouterr().err
