"""The docs say what is so: generated pages are fresh, links lead somewhere, commands and code can be typed in."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
from pathlib import Path

import click
import pytest

import dis_core
from dis_core.cli.main import group
from tests.docs.pages import DOCS, GENERATED, PAGES, ROOT, page_id
from tests.fakes.loose_modules import load_module

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE_COMMAND = re.compile(r"`(dis-core [^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def links_of(page: Path) -> list[str]:
    """The targets of a page's links that lead to files here."""
    targets = LINK.findall(without_code(page.read_text(encoding="utf-8")))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and most other readers of Markdown make them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def blocks_of(page: Path, language: str) -> list[str]:
    return [code for kind, code in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def typed_commands(page: Path) -> list[str]:
    """The `dis-core` commands in a page's blocks of shell code, with what a shell would do to the line undone."""
    lines = [line for code in blocks_of(page, "") for line in code.replace("\\\n", " ").splitlines()]
    parts = [part.strip() for line in lines for part in re.split(r"&&|\||[<>] ?\S+", line.removeprefix("$ "))]
    return [re.sub(r"^(\w+=\S* )+", "", part) for part in parts if re.match(r"(\w+=\S* )*dis-core\b", part)]


def parse(command: str) -> None:
    """Let click parse a command line without running it."""
    _, name, *arguments = shlex.split(command)
    if name in ("--help", "--version"):
        return
    parent = click.Context(group, info_name="dis-core")
    subcommand = group.get_command(parent, name)
    if subcommand is None:
        raise click.UsageError(f"no such command: {name}")
    with contextlib.suppress(click.exceptions.Exit):  # --help ends there
        subcommand.make_context(name, arguments, parent=parent)


@pytest.mark.parametrize("path", sorted(GENERATED), ids=page_id)
def test_a_generated_page_is_as_the_code_is_now(path: Path) -> None:
    fresh = load_module("docs/make_reference.py").pages()[path]

    written = path.read_text(encoding="utf-8")

    assert written == fresh, "run: python docs/make_reference.py"


def test_the_readme_begins_with_two_commands_and_marks_them_for_the_automatic_checks() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    marked = re.findall(r"^<!-- (\w+) -->\n```\n(pip install \S+ && .+)\n```$", text, re.MULTILINE)

    assert [name for name, _ in marked] == ["try", "tests"]
    assert [code.strip() for code in blocks_of(ROOT / "README.md", "")] == [line for _, line in marked]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        target, _, anchor = link.partition("#")
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in anchors_of(there)):
            broken.append(link)

    assert not broken


def test_every_page_of_the_docs_can_be_reached_from_their_index() -> None:
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links_of(page) if link[0] != "#"]

    assert not set(DOCS.rglob("*.md")) - reached


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_can_be_typed_in(page: Path) -> None:
    for command in typed_commands(page):
        parse(command)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_that_is_mentioned_exists_with_its_options(page: Path) -> None:
    for command in INLINE_COMMAND.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        with contextlib.suppress(click.MissingParameter):  # a mention need not be complete
            parse(command)


def test_commands_that_do_not_exist_would_be_noticed() -> None:
    for command in ("dis-core remove a.jpg", "dis-core cutout a.jpg --glow", "dis-core cutout --quality superb a.jpg"):
        with pytest.raises(click.UsageError):
            parse(command)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in GENERATED], ids=page_id)
def test_python_in_the_docs_is_python_and_uses_names_that_exist(page: Path) -> None:
    for code in blocks_of(page, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "dis_core":
                assert hasattr(dis_core, node.attr), f"dis_core.{node.attr}"


def test_the_license_of_every_dependency_is_listed() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    dependencies = set(re.findall(r'^  "([a-z0-9-]+)[>=\[]', project, re.MULTILINE))
    assert "torch" in dependencies

    listed = set(
        re.findall(r"^\| ([a-z0-9-]+) \|", (DOCS / "reference" / "licenses.md").read_text("utf-8"), re.MULTILINE)
    )

    assert not dependencies - listed


@pytest.mark.parametrize("page", [DOCS / "reference" / "licenses.md", ROOT / "examples" / "README.md"], ids=page_id)
def test_source_and_license_of_every_example_are_named(page: Path) -> None:
    photos = {path.name for path in (ROOT / "examples").glob("*.jpg")}
    assert photos

    named = set(re.findall(r"\w+\.jpg", page.read_text(encoding="utf-8")))

    assert photos <= named


def test_the_python_page_of_the_tutorial_fits_on_one_screen() -> None:
    lines = (DOCS / "tutorial-python.md").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= 45


@pytest.mark.parametrize("name", [name for name in dis_core.__all__ if not name.startswith("__")])
def test_every_public_name_is_in_the_reference(name: str) -> None:
    text = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")

    assert f"### dis_core.{name}\n" in text or f"`{name}`" in text or f"- `{name} = " in text
