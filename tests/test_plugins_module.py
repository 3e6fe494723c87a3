"""The one import for authors of plug-ins has all that they need, and loads torch only for what needs torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dis_core import model_spec, plugins

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "dis-core-example"

NOT_FOR_PLUGINS = {
    "FULL_DTYPE",
    "MAX_TILES",
    "CloserLook",
    "Precision",
    "PinSource",
    "PromptKind",
    "Refinement",
}
"""What `model_spec` has that no plug-in takes or gives."""


def loaded_after(statement: str) -> str:
    script = f"import sys\n{statement}\nprint('torch' in sys.modules)"
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_every_name_that_is_offered_is_there() -> None:
    assert sorted(plugins.__all__, key=str.lower) == sorted(set(plugins.__all__), key=str.lower)
    for name in plugins.__all__:
        assert getattr(plugins, name) is not None, name
    assert set(plugins.__all__) <= set(dir(plugins))


def test_what_a_model_declares_is_all_here() -> None:
    public = {name for name, value in vars(model_spec).items() if getattr(value, "__module__", "").startswith("dis_c")}

    assert public - NOT_FOR_PLUGINS <= set(plugins.__all__)


def test_an_unknown_name_is_an_import_error_as_anywhere() -> None:
    with pytest.raises(ImportError, match="SquareSegmentor"):
        exec("from dis_core.plugins import SquareSegmentor")  # noqa: S102 - a name that type checkers would refuse


@pytest.mark.parametrize(
    ("statement", "loads_torch"),
    [
        ("from dis_core.plugins import ModelSpec, WeightsFile, hookimpl", "False"),
        ("import dis_core.plugins; dir(dis_core.plugins)", "False"),
        ("from dis_core.plugins import SquareSegmenter", "True"),
    ],
)
def test_torch_is_loaded_when_a_network_is_wanted(statement: str, loads_torch: str) -> None:
    assert loaded_after(statement) == loads_torch


def test_the_example_imports_nothing_else_of_dis_core() -> None:
    homes = {
        home
        for path in EXAMPLE.rglob("*.py")
        for home in re.findall(r"^from (dis_core\S*) import", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert homes == {"dis_core.plugins"}
