"""Links between the pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from support.readme import README

PAGES: Final = (README, *sorted(README.parent.glob("docs/**/*.md")))
CODE: Final = re.compile(r"^( *)```.*?^\1```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def prose(page: Path) -> str:
    """A page without its code."""
    return CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What its headings can be reached by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link that is no URL names a file that is there, and a heading of it."""
    broken = []
    for name, anchor in LINK.findall(prose(page)):
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{name}#{anchor}")
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to each page."""
    index = README.parent / "docs" / "README.md"
    named = {name for name, _ in LINK.findall(prose(index))}
    assert {page.name for page in PAGES[1:] if page != index} - named == set()
