"""Prompts and depth by way of the daemon: the same results, and what was seen of a picture is kept for the next one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dis_core.images.reading import read_picture
from tests.fakes.daemon_home import DaemonHome, daemon_home
from tests.fakes.fake_hub import CHECKOUT
from tests.fakes.prompted_plugin import install

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="as the daemon's other tests")

MODEL = ("--model", "small-dis-sam", "--device", "cpu")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DaemonHome]:
    """A home with the plug-in `prompted_plugin` installed, whose encoder's runs are noted in `runs`."""
    path = f"{CHECKOUT}:{install(tmp_path / 'site')}"
    folder = tmp_path / "home"
    folder.mkdir()
    with daemon_home(folder, PYTHONPATH=path, DIS_TEST_ENCODER_RUNS=str(folder / "runs")) as home:
        yield home


def encoder_runs(home: DaemonHome) -> int:
    return (home.folder / "runs").stat().st_size


def test_a_second_prompt_on_the_same_picture_runs_the_encoder_no_more(home: DaemonHome) -> None:
    first = home.run("mask", "a.png", *MODEL, "--warm", "--box", "40,30,200,150", "-o", "1.png")
    again = home.run("mask", "a.png", *MODEL, "--warm", "--point", "160,100", "-o", "2.png")
    after_two = encoder_runs(home)
    other = home.run("mask", "large.png", *MODEL, "--warm", "--refine", "none", "--point", "160,100", "-o", "3.png")

    assert [done.returncode for done in (first, again, other)] == [0, 0, 0], first.stderr + again.stderr + other.stderr
    assert after_two == 1
    assert encoder_runs(home) == 2


def test_a_model_that_takes_no_prompt_is_told_by_a_network_that_looks_at_a_picture_once(home: DaemonHome) -> None:
    options = ("--model", "dis-lite", "--prompt-model", "small-sam", "--extent", "large", "--device", "cpu")
    point = ("--point", "160,100")

    first = home.run("mask", "a.png", *options, "--warm", "--box", "40,30,200,150", "-o", "1.png")
    again = home.run("mask", "a.png", *options, "--warm", *point, "-o", "2.png")
    after_two = encoder_runs(home)
    cold = home.run("mask", "a.png", *options, *point, "-o", "3.png")

    assert [done.returncode for done in (first, again, cold)] == [0, 0, 0], first.stderr + again.stderr + cold.stderr
    assert after_two == 1
    assert (home.work / "2.png").read_bytes() == (home.work / "3.png").read_bytes()


@pytest.mark.parametrize(
    "prompt",
    [
        ["--box", "40,30,200,150"],
        ["--box", "40,30,100,150", "--box", "150,20,100,100", "--point", "60.5,60", "--point", "10,10,background"],
        ["--point", "160,100", "--roi", "100,50,150,100"],
    ],
    ids=" ".join,
)
def test_prompts_mean_the_same_with_and_without_the_daemon(home: DaemonHome, prompt: list[str]) -> None:
    cold = home.run("mask", "a.png", *MODEL, *prompt, "-o", "cold.png")
    warm = home.run("mask", "a.png", *MODEL, *prompt, "-o", "warm.png", "--warm")

    assert cold.returncode == warm.returncode == 0, cold.stderr + warm.stderr
    assert (home.work / "cold.png").read_bytes() == (home.work / "warm.png").read_bytes()
    assert read_picture(home.work / "warm.png").pixels.any()


@pytest.mark.parametrize("prompt", [[], ["--box", "900,900,5,5"], ["--point", "5,6,background"]], ids=str)
def test_bad_prompts_are_worded_as_without_the_daemon(home: DaemonHome, prompt: list[str]) -> None:
    cold = home.run("mask", "a.png", *MODEL, *prompt)
    warm = home.run("mask", "a.png", *MODEL, *prompt, "--warm")

    assert cold.returncode == warm.returncode == 1
    assert cold.stderr == warm.stderr


def test_the_users_depth_and_the_depth_that_was_used_are_the_same_byte_for_byte(home: DaemonHome) -> None:
    options = ("--model", "bright-with-depth", "--device", "cpu", "--depth", "a.png", "--save-depth")

    cold = home.run("mask", "a.png", *options, "-o", "cold.png")
    warm = home.run("mask", "a.png", *options, "-o", "warm.png", "--warm")

    assert cold.returncode == warm.returncode == 0, cold.stderr + warm.stderr
    assert (home.work / "cold.png").read_bytes() == (home.work / "warm.png").read_bytes()
    assert (home.work / "cold-depth.png").read_bytes() == (home.work / "warm-depth.png").read_bytes()
