"""What the plug-ins of all editors share: dis-core as a child process, its words and its settings."""

from __future__ import annotations

import ast
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared.bitmap import BLUE_FIRST, HEADER_BYTES, RED_FIRST, bitmap_header
from shared.events import CRASHED, Done, EventReader, Failed, Progress
from shared.file_names import file_name, text_of
from shared.kept_model import KeptModel, is_kept, keeping_arguments, parse_status
from shared.matte import DUST, around, box_of, has_subject, without_dust
from shared.parts import gray_file, parts_arguments, toggled
from shared.program import COMMAND_FILE, Program, child_environment, command_line, find_program, read_command
from shared.settings import (
    AUTOMATIC,
    LIST_ARGUMENTS,
    MOST_PX,
    REGIONS,
    RESULTS,
    SELECT_FIRST,
    SELECTION_OUTSIDE,
    Region,
    Settings,
    fetch_arguments,
    from_strings,
    prepare_arguments,
    region_box,
    region_of,
    segment_arguments,
)

from dis_core.cli.main import group
from dis_core.images.reading import read_picture
from dis_core.jobs.job import MOST_EDGE_PX

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ("", "refining"),
        (', "remaining_s": 1.2', "refining"),
        (', "remaining_s": -4', "refining"),
        (', "remaining_s": "soon"', "refining"),
        (', "remaining_s": 3.4', "refining, about 3 s left"),
        (', "remaining_s": 23', "refining, about 25 s left"),
        (', "remaining_s": 150', "refining, about 2 min left"),
    ],
)
def test_progress_says_how_long_it_will_still_take_if_that_is_known(left: str, words: str) -> None:
    line = f'{{"event": "progress", "fraction": 0.5, "doing": "refining"{left}}}\n'

    (progress,) = EventReader().feed(line.encode())

    assert progress.words() == words


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_plug_ins_are_written_in_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_plug_ins_import_the_standard_library_and_their_editor_only(path: Path) -> None:
    editors = {
        "shared": {"shared"},
        "dis-select-subject": {"gi", "shared", *(other.stem for other in path.parent.iterdir())},
    }
    allowed = editors.get(path.parent.name, {"krita", "PyQt5", "PyQt6"})
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])

    assert found <= allowed | set(sys.stdlib_module_names)


# The command line


def parsed(arguments: list[str]) -> dict[str, object]:
    """What dis-core itself understands of a command line."""
    parent = click.Context(group, info_name="dis-core")
    command = group.get_command(parent, arguments[0])
    assert command is not None
    if isinstance(command, click.Group):
        parent = click.Context(command, info_name=arguments[0], parent=parent)
        _, *arguments = arguments
        command = command.get_command(parent, arguments[0])
        assert command is not None
    return command.make_context(arguments[0], list(arguments[1:]), parent=parent).params


@pytest.mark.parametrize("result", RESULTS)
def test_dis_core_understands_what_plug_ins_ask_for(result: str) -> None:
    settings = Settings(result=result, quality="best", grow_px=-MOST_PX, feather_px=MOST_PX)
    region = Region(search_box=(1, 2, 30, 40), subject_box=(5, 6, 7, 8))

    arguments = segment_arguments(settings, model="m", image="in.bmp", output="out.png", region=region, more=())

    understood = parsed(arguments)
    assert arguments[0] == ("cutout" if result == "cut" else "mask")
    assert understood["inputs"] == ("in.bmp",)
    assert understood["output"] == "out.png"
    assert understood["roi"] == (1, 2, 31, 42)
    assert understood["boxes"] == ((5, 6, 12, 14),)
    assert (understood["grow"], understood["feather"]) == (-MOST_PX, MOST_PX)
    assert (understood["model"], understood["quality"], understood["progress"]) == ("m", "best", "json")
    assert understood["stop_at_eof"]


def test_dis_core_understands_how_models_are_listed_and_fetched() -> None:
    assert parsed(list(LIST_ARGUMENTS))["as_json"]
    assert parsed(fetch_arguments("m"))["names"] == ("m",)


def test_dis_core_understands_what_is_to_be_loaded_ahead() -> None:
    options = ("--warm", "--device", "cuda:1", "--refine", "fast", "--precision=half", "--keep-alive", "1h")

    understood = parsed(prepare_arguments("m", options))

    wanted = {"model": "m", "device": "cuda:1", "precision": "half", "keep_alive": 3600.0, "depth_model": None}
    assert understood == {**wanted, "owner_pid": None}


def test_without_the_process_that_keeps_models_nothing_is_loaded_ahead() -> None:
    assert prepare_arguments("m", ("--device", "cpu")) == []


def test_edges_reach_as_far_in_plug_ins_as_in_the_command() -> None:
    assert MOST_PX == MOST_EDGE_PX


def test_further_options_go_to_the_end() -> None:
    arguments = segment_arguments(Settings(), model="m", image="a", output="b", region=Region(), more=("--warm",))

    assert arguments[-1] == "--warm"
    assert "--roi" not in arguments
    assert "--box" not in arguments
    assert not any(argument.startswith(("--grow", "--feather")) for argument in arguments)


# Settings


@given(st.builds(Settings, mode=st.sampled_from(["replace", "add"]), model=st.text(), grow_px=st.integers(-100, 100)))
def test_settings_survive_being_kept_as_text(settings: Settings) -> None:
    assert from_strings(settings.to_strings()) == settings


@given(st.dictionaries(st.sampled_from(sorted(Settings().to_strings())), st.text()))
def test_nonsense_is_replaced_by_what_is_usual(kept: dict[str, str]) -> None:
    settings = from_strings(kept)

    assert replace(settings, model=AUTOMATIC).mode in ("replace", "add", "subtract", "intersect")
    assert -MOST_PX <= settings.grow_px <= MOST_PX
    assert 0 <= settings.feather_px <= MOST_PX


boxes = st.tuples(st.integers(-50, 300), st.integers(-50, 300), st.integers(1, 200), st.integers(1, 200))


@given(boxes, boxes)
def test_where_to_look_lies_within_the_source_and_holds_the_selection(
    selected: tuple[int, int, int, int], source: tuple[int, int, int, int]
) -> None:
    box = region_box(selected, source)

    left, top = max(selected[0], source[0]), max(selected[1], source[1])
    right = min(selected[0] + selected[2], source[0] + source[2])
    bottom = min(selected[1] + selected[3], source[1] + source[3])
    if box is None or box[2] == 0:
        assert box is None or right <= left or bottom <= top
        return
    assert 0 <= box[0] < box[0] + box[2] <= source[2]
    assert 0 <= box[1] < box[1] + box[3] <= source[3]
    if right > left and bottom > top:
        assert box[0] + source[0] <= left
        assert right <= box[0] + source[0] + box[2]


def test_without_a_selection_everything_is_looked_at() -> None:
    assert region_box(None, (0, 0, 10, 10)) is None


SOURCE = (20, 10, 100, 80)


def test_a_model_that_finds_the_subject_itself_looks_around_the_selection() -> None:
    region = region_of(Settings(region="selection"), (50, 40, 10, 10), SOURCE, needs_selection=False)

    assert region == Region(search_box=region_box((50, 40, 10, 10), SOURCE))


def test_a_model_that_is_told_gets_the_selections_own_box() -> None:
    assert region_of(Settings(), (50, 40, 10, 12), SOURCE, needs_selection=True) == Region(subject_box=(30, 30, 10, 12))
    assert region_of(Settings(), (0, 0, 500, 500), SOURCE, needs_selection=True) == Region(subject_box=(0, 0, 100, 80))


@pytest.mark.parametrize("region", REGIONS)
def test_a_model_that_is_told_asks_for_a_selection(region: str) -> None:
    answer = region_of(Settings(region=region), None, SOURCE, needs_selection=True)

    assert answer.arguments() == []
    assert answer.refusal == SELECT_FIRST


@pytest.mark.parametrize("needs_selection", [True, False])
def test_a_selection_that_lies_elsewhere_is_refused(needs_selection: bool) -> None:
    settings = Settings(region="selection")
    assert region_of(settings, (300, 5, 9, 9), SOURCE, needs_selection=needs_selection).refusal == SELECTION_OUTSIDE


def test_everywhere_means_everywhere_and_is_the_default() -> None:
    assert region_of(Settings(), (50, 40, 10, 12), SOURCE, needs_selection=False) == Region()


# EventReader


def line(**event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"


@given(st.data())
def test_answers_may_come_in_any_pieces(data: st.DataObject) -> None:
    spoken = line(event="progress", fraction=0.25, doing="größer") + line(event="progress", fraction=1, doing="done")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(spoken)), max_size=5)))
    answers = EventReader()

    heard = [
        progress
        for start, end in zip([0, *cuts], [*cuts, len(spoken)], strict=True)
        for progress in answers.feed(spoken[start:end])
    ]

    assert heard == [Progress(0.25, "größer"), Progress(1.0, "done")]


def test_a_result_is_understood() -> None:
    answers = EventReader()
    answers.feed(line(event="result", model="pdfnet@main", device="cpu", seconds=2, remarks=["a remark"]))

    assert answers.finish(0, b"") == Done("pdfnet", "cpu", 2.0, ("a remark",))


def test_an_error_is_understood() -> None:
    answers = EventReader()
    answers.feed(line(event="error", code="OutOfMemory", message="too little memory", hint="close something"))

    failed = answers.finish(1, b"dis-core: too little memory\n")

    assert failed == Failed("OutOfMemory", "too little memory", "close something")
    assert failed.sentence() == "Too little memory (close something)"


def test_a_child_that_fails_after_its_result_has_failed() -> None:
    answers = EventReader()
    answers.feed(line(event="result", model="pdfnet@main"))

    failed = answers.finish(1, b"the disk is full\n")

    assert isinstance(failed, Failed)
    assert failed.code == CRASHED
    assert "(1): the disk is full" in failed.message


def test_a_child_that_fails_without_a_word_has_failed_too() -> None:
    failed = EventReader().finish(1, b" \n")

    assert isinstance(failed, Failed)
    assert "there was no message" in failed.message


def test_a_child_that_ends_well_is_done_also_without_a_result() -> None:
    assert EventReader().finish(0, b"a warning\n") == Done()


def test_what_is_no_answer_is_passed_over() -> None:
    answers = EventReader()

    assert answers.feed(b"Downloading...\n[1, 2]\n\xff\xfe\n" + line(event="news") + b"x" * 3_000_000) == []
    assert answers.feed(b"\n" + line(event="progress", fraction="much", doing=3)) == [Progress(0.0, "3")]


def test_a_child_that_dies_without_words_is_told_of() -> None:
    failed = EventReader().finish(-9, b"Traceback\nMemoryError\n")

    assert isinstance(failed, Failed)
    assert failed.code == CRASHED
    assert "MemoryError" in failed.message


# How dis-core is found and started


def test_the_command_that_was_installed_is_found(tmp_path: Path) -> None:
    content = {"command": [sys.executable, "-m", "dis_core"], "segment_options": ["--warm"]}
    (tmp_path / COMMAND_FILE).write_text(json.dumps(content), encoding="utf-8")

    assert find_program(str(tmp_path)) == Program((sys.executable, "-m", "dis_core"), {}, ("--warm",))


@pytest.mark.parametrize("content", ['{"command": ["/gone/python"]}', "{", "[]", '{"command": []}', '{"command": 3}'])
def test_else_one_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (tmp_path / COMMAND_FILE).write_text(content, encoding="utf-8")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "dis-core").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "dis-core").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))

    assert find_program(str(tmp_path)) == Program((str(folder / "dis-core"),))


def test_or_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("shared.program.usual_folders", lambda: ())

    assert find_program(str(tmp_path)) is None
    assert read_command(str(tmp_path / "nothing.json")) is None


def test_on_windows_a_command_is_quoted_as_windows_does(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program((r"C:\my tools\python.exe", "-m", "dis_core"))

    with monkeypatch.context() as windows:
        windows.setattr("shared.program.os.name", "nt")
        line = command_line(program, "fetch", "m")

    assert line == r'"C:\my tools\python.exe" -m dis_core fetch m'


def test_the_editors_environment_does_not_break_the_child() -> None:
    inherited = {
        "PYTHONPATH": "/krita",
        "PYTHONHOME": "/krita",
        "LD_LIBRARY_PATH": "/app",
        "QT_PLUGIN_PATH": "/app",
        "GIMP3_DIRECTORY": "/g",
        "HOME": "/home/me",
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy",
    }

    environment = child_environment(inherited, Program(("x",), {"PYTHONPATH": "/mine"}))

    assert environment == {
        "HOME": "/home/me",
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy",
        "PYTHONUTF8": "1",
        "PYTHONPATH": "/mine",
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows names files in Unicode")
def test_names_of_files_and_text_lead_to_each_other() -> None:
    assert text_of(file_name("/hé me/ä.png")) == "/hé me/ä.png"
    assert os.fsencode(file_name("/hé me")) == "/hé me".encode()


# Pixels


@pytest.mark.parametrize(("masks", "order"), [(BLUE_FIRST, [2, 1, 0, 3]), (RED_FIRST, [0, 1, 2, 3])])
def test_pixels_arrive_unchanged(masks: tuple[int, int, int, int], order: list[int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)

    file = bitmap_header(5, 7, masks) + pixels.tobytes()

    picture = read_picture(file)
    assert len(file) == HEADER_BYTES + 4 * 5 * 7
    assert np.array_equal(picture.pixels, pixels[..., order[:3]])
    assert picture.alpha is not None
    assert np.array_equal(np.rint(picture.alpha * 255), pixels[..., 3])
    assert picture.icc_profile is None
    assert not picture.remarks


def test_dust_is_taken_off_and_all_else_stays() -> None:
    assert without_dust(bytes(range(256))) == bytes(DUST + 1) + bytes(range(DUST + 1, 256))


def test_a_subject_covers_at_least_one_pixel_by_half() -> None:
    assert has_subject(b"\0\x80\0")
    assert not has_subject(b"\0\x7f\0")


def test_the_box_of_a_plane_holds_all_that_is_not_zero() -> None:
    plane = np.zeros((9, 12), np.uint8)
    plane[2:5, 3:10] = 1
    plane[7, 1] = 255

    assert box_of(plane.tobytes(), 12) == (1, 2, 9, 6)
    assert box_of(bytes([255]), 1) == (0, 0, 1, 1)
    assert around([(3, 2, 7, 3), (1, 7, 1, 1)]) == (1, 2, 9, 6)


def test_what_is_kept_in_memory_is_told_in_words() -> None:
    status = {
        "models": ["isnet"],
        "memory_bytes": 900_000_000,
        "device_memory_bytes": 300_000_000,
        "leaves_in_s": 590.2,
    }

    kept = parse_status(json.dumps(status).encode())

    assert kept == KeptModel(("isnet",), 1_200_000_000, 590.2)
    assert kept is not None
    assert kept.words() == "isnet stays ready: 1.2 GB of memory"
    assert KeptModel((), 0, None).words() == "dis-core stays ready"


@pytest.mark.parametrize("printed", [b"", b"null", b"[]", b"{}", b'{"models": 5}', b"\xff", b"[" * 100_000])
def test_where_nothing_is_kept_or_the_answer_makes_no_sense_nothing_is_told(printed: bytes) -> None:
    assert parse_status(printed) is None


def test_how_long_a_model_is_kept_and_for_whom_is_said_only_where_one_is_kept() -> None:
    assert keeping_arguments(("--device", "cpu"), keep_min=3, owner_pid=7) == ["--device", "cpu"]

    options = keeping_arguments(("--warm",), keep_min=3, owner_pid=7)

    assert is_kept(options)
    assert options == ["--warm", "--keep-alive", "3m", "--owner-pid", "7"]
    understood = parsed(prepare_arguments("isnet", options))
    assert (understood["model"], understood["keep_alive"], understood["owner_pid"]) == ("isnet", 180.0, 7)


def test_a_part_is_dropped_and_brought_back_with_its_soft_edge() -> None:
    whole = bytes([0, 90, 255, 90, 0, 255, 7])
    numbers = bytes([0, 1, 1, 1, 0, 2, 2])

    without = toggled(whole, whole, numbers, 1)

    assert without == bytes([0, 0, 0, 0, 0, 255, 7])
    assert toggled(without, whole, numbers, 1) == whole
    assert toggled(toggled(without, whole, numbers, 2), whole, numbers, 2) == without


def test_dis_core_understands_how_parts_are_asked_for(tmp_path: Path) -> None:
    plane = bytes(range(250)) + bytes(50)
    (tmp_path / "matte.pgm").write_bytes(gray_file(plane, 20))

    understood = parsed(parts_arguments(str(tmp_path / "matte.pgm"), "parts.png"))

    assert understood["as_json"]
    assert str(understood["output"]) == "parts.png"
    assert read_picture(Path(str(understood["matte"]))).pixels.tobytes() == plane
