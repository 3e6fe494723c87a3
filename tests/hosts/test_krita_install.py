"""From an account without dis-core to a selection, by the buttons of Krita's docker, with pip but without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dis_core.__version__ import __version__
from tests.fakes.tiny_wheels import offline_environment, write_tiny_wheels
from tests.hosts.krita_program import PATIENCE, SCRIPTS, KritaProgram, chroot_folder, import_archive, running_krita
from tests.hosts.pictures import KritaPicture, flower

PATIENCE_S = 280.0 * PATIENCE
PROGRAM = "data/dis-core/program"

pytestmark = pytest.mark.timeout(900 * PATIENCE)  # a busy machine takes long for an installation


@pytest.fixture(scope="module")
def fresh(krita_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KritaProgram]:
    """A Krita into which the archive was imported, on an account without dis-core."""
    if chroot_folder() is not None:
        pytest.skip("Krita's Debian has another Python than the tests")
    folder = tmp_path_factory.mktemp("krita-install")
    import_archive(folder / "home", folder)
    quick = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment = offline_environment(write_tiny_wheels(folder / "wheels"))
    with running_krita(folder / "home", scripts=SCRIPTS, **quick, **environment) as krita:
        krita.call("show_docker_alone")
        yield krita


@pytest.fixture
def installed(fresh: KritaProgram) -> KritaProgram:
    """The same with dis-core in its own environment."""
    if not (fresh.home / PROGRAM / "installed.json").exists():
        fresh.call("click", button="dis_fix")
        assert fresh.call("wait_for_program", patience_s=PATIENCE_S)["row"]
    return fresh


def environments(krita: KritaProgram) -> list[str]:
    """The folders of environments, finished or not, and what else there is, but for the lock."""
    return sorted(path.name for path in (krita.home / PROGRAM).iterdir() if path.name != "lock")


def recorded(krita: KritaProgram) -> str:
    content = json.loads((krita.home / PROGRAM / "installed.json").read_text(encoding="utf-8"))
    return Path(content["folder"]).name


def test_one_click_installs_what_the_next_one_selects_with(fresh: KritaProgram, tmp_path: Path) -> None:
    words, buttons = fresh.call("help_shown")
    assert "about 300 MB to download, 1.2 GB on the disk" in words or "3.1 GB to download" in words
    assert str(PROGRAM) in words
    assert [button.partition(",")[0] for button in buttons] == ["Install dis-core"]
    fresh.call("click", button="dis_fix")
    assert fresh.call("wait_for_install", part=0.01).startswith("dis-core: ")

    ended = fresh.call("wait_for_program", patience_s=PATIENCE_S)

    assert ended["messages"] == ["dis-core is installed. Open an image, then press Find Subject"]
    assert ended["row"].startswith(f"dis-core {__version__}, ")
    assert fresh.call("help_shown") is None
    assert environments(fresh) == [recorded(fresh), "installed.json"]
    picture = KritaPicture(fresh, tmp_path, "first")
    picture.show(flower())
    fresh.call("click", button="dis_start")
    assert fresh.call("wait_for_message", patience_s=PATIENCE_S)["messages"][0].startswith("Subject selected by dis-l")
    assert np.count_nonzero(picture.selection() > 127) > 1000


def test_a_repair_takes_the_place_of_what_was_there(installed: KritaProgram) -> None:
    before = recorded(installed)
    (installed.home / PROGRAM / before / "bin" / "python").unlink()
    installed.call("manage", entry="Repair...")
    words, buttons = installed.call("help_shown")
    assert words.startswith("Repair installs dis-core again")
    assert buttons[1] == "Not now"
    installed.call("click", button="dis_fix")

    ended = installed.call("wait_for_program", patience_s=PATIENCE_S)

    assert ended["row"].startswith(f"dis-core {__version__}, ")
    assert recorded(installed) != before
    assert environments(installed) == [recorded(installed), "installed.json"]


def test_stopping_leaves_what_was_there_and_nothing_half(installed: KritaProgram) -> None:
    before = environments(installed)
    installed.call("manage", entry="Repair...")
    installed.call("click", button="dis_fix")
    installed.call("wait_for_install", part=0.005)

    installed.call("click", button="dis_stop_install")

    ended = installed.call("wait_for_program")
    ((words, button, _),) = ended["remedies"]
    assert words.startswith("The installation was stopped.")
    assert button == "Continue"
    assert [name for name in environments(installed) if name != "downloads"] == before


def test_a_removal_leaves_nothing_and_the_offer_comes_back(installed: KritaProgram) -> None:
    installed.call("manage", entry="Remove...")
    words, buttons = installed.call("help_shown")
    assert words.startswith(f"This removes dis-core {__version__} and frees ")
    assert buttons == ["Remove dis-core", "Keep it"]
    installed.call("click", button="dis_fix")

    ended = installed.call("wait_for_program")

    assert ended["messages"] == ["dis-core was removed"]
    assert ended["row"] == ""
    assert environments(installed) == []
    assert installed.call("help_shown")[1][0].startswith("Install dis-core")
