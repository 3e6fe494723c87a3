"""The files around the code keep their promises: how to cite, how to report, what the workflows run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

import dis_core
from dis_core.model_spec import Citation
from dis_core.models import papers

ROOT = Path(__file__).parents[2]
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
SCHEMAS = {
    "vendor.citation-file-format": ["CITATION.cff"],
    "vendor.dependabot": [".github/dependabot.yml"],
    "vendor.github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
    "vendor.github-issue-forms": [str(path.relative_to(ROOT)) for path in FORMS],
    "vendor.github-workflows": [".github/workflows/checks.yml", ".github/workflows/tests.yml"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_for_the_forge_fits_its_schema(schema: str) -> None:
    files = [str(ROOT / name) for name in SCHEMAS[schema]]

    checked = CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, *files])

    assert checked.exit_code == 0, checked.output


def test_the_citation_names_the_paper_of_every_model() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")

    known = [value for value in vars(papers).values() if isinstance(value, Citation)]

    assert known
    assert [paper.title for paper in known if f'title: "{paper.title}"\n' not in cited] == []
    assert [paper.url for paper in known if f"url: {paper.url}\n" not in cited] == []
    assert cited.count("- type: article") == len(known)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_every_form_for_an_issue_asks_for_the_doctors_findings(form: Path) -> None:
    assert "`dis-core doctor`" in form.read_text(encoding="utf-8")


def test_the_version_stands_in_one_file() -> None:
    naming = [
        path.name
        for path in (ROOT / "pyproject.toml", ROOT / "CITATION.cff", *Path(dis_core.__file__).parent.glob("*.py"))
        if re.search(
            rf'^_*version_*\s*[=:]\s*"?{re.escape(dis_core.__version__)}', path.read_text("utf-8"), re.MULTILINE
        )
    ]

    assert naming == ["__version__.py"]


def test_the_workflows_begin_with_the_oldest_python_that_is_promised() -> None:
    oldest = re.search(r'^requires-python = ">=([\d.]+)"$', PROJECT, re.MULTILINE)
    assert oldest is not None

    tests = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")

    assert re.search(rf'python: \["{re.escape(oldest[1])}",', tests)
    lowest = tests.partition("\n  lowest:\n")[2]
    assert f'python-version: "{oldest[1]}"' in lowest
    assert "--resolution lowest-direct" in lowest
