"""Brings pages that lie outside of docs/ onto the site, and leads links to them there; mkdocs.yml names this file.

In the repository those links lead to the files themselves, so that the pages can be read there too.
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

FROM_ELSEWHERE = {
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "dis_core/embedded/README.md": "project/embedded-model.md",
    "tests/photos/README.md": "project/test-photos.md",
    "LICENSE": "project/LICENSE.txt",
    "dis_core/embedded/LICENSE.Apache-2.0": "project/LICENSE.Apache-2.0.txt",
}
"""Where a file of the repository goes on the site."""

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from elsewhere."""
    from mkdocs.structure.files import File

    for source, target in FROM_ELSEWHERE.items():
        files.append(File.generated(config, target, abs_src_path=os.path.abspath(source)))  # noqa: PTH100 - mkdocs wants text
    return files


def on_page_markdown(markdown: str, *, page: Page, **_others: object) -> str:
    """The page with its links as the site needs them."""
    sources = {target: source for source, target in FROM_ELSEWHERE.items()}
    site_path = page.file.src_uri
    source = sources.get(site_path, f"docs/{site_path}")
    pieces = _CODE.split(markdown)
    # Every second piece is code.
    return "".join(
        piece if number % 2 else _LINK.sub(lambda link: relinked(link, source, site_path), piece)
        for number, piece in enumerate(pieces)
    )


def relinked(link: re.Match[str], source: str, site_path: str) -> str:
    """A link of the file `source`, which lies on the site at `site_path`: as it has to be there.

    What is in the repository and not on the site, such as a folder of code, is named without a link. What is nowhere
    stays as it is, and mkdocs complains.
    """
    picture, text, target, anchor = link[1], link[2], link[3], link[4] or ""
    if re.match(r"[a-z]+:", target):
        return link[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    there = FROM_ELSEWHERE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
    if there is not None:
        relative = posixpath.relpath(there, posixpath.dirname(site_path) or ".")
        return f"{picture}[{text}]({relative}{anchor})"
    return text if os.path.exists(path) else link[0]  # noqa: PTH110 - a path in the repository, as text
