"""What mkdocs adds to Markdown: a YAML head, tabs and admonitions, opened before it is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.documents.marks import says_only
from engine.documents.roles import QUESTION, note_role, title_role

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([^`]*)$")
_TAB = re.compile(r'^( *)===[+!]? +"([^"]*)"\s*$')
_NOTE = re.compile(r'^( *)(?:!!!|\?\?\?\+?) *([\w-]*)[^"]*?(?:"([^"]*)")?\s*$')
_SKIPPED_NOTES = {"pythontutor"}
_NESTED = 12
"""Tabs and notes nested deeper than this are no book's: their markers stay as text."""


def front_matter(lines: list[str]) -> tuple[list[str], str]:
    """The lines without a YAML head, and the title that the head names (or nothing)."""
    if not lines or lines[0].strip() != "---":
        return lines, ""
    for end in range(1, min(len(lines), 200)):
        if lines[end].strip() in ("---", "..."):
            head = lines[1:end]
            if not all(re.match(r"^\s*$|^\s*#|^[\w-]+\s*:|^\s+\S|^-\s", x) for x in head):
                return lines, ""
            named = (re.match(r"^title\s*:\s*(.+)$", x) for x in head)
            title = next((m[1].strip().strip("\"'") for m in named if m), "")
            return lines[end + 1 :], title
    return lines, ""


def unfold(lines: list[str], depth: int = 0) -> Iterator[str]:
    """The lines with mkdocs tabs and admonitions opened: first tab only, markers gone."""
    i, fence = 0, ""
    first = True
    while i < len(lines):
        line = lines[i]
        fence = _fence_after(line, fence)
        tab = None if fence or depth > _NESTED else _TAB.match(line)
        note = None if fence or tab or depth > _NESTED else _NOTE.match(line)
        if not tab and not note:
            first = first or bool(line.strip())
            yield line
            i += 1
            continue
        found = tab or note
        assert found is not None
        inside, i = _indented(lines, i + 1, len(found[1]))
        if note:
            first = True
            if note[2] not in _SKIPPED_NOTES:
                yield from box(note[2], note[3] or "", list(unfold(inside, depth + 1)))
            continue
        if not first:
            continue
        yield from unfold(inside, depth + 1)
        yield ""
        first = not tab


def box(name: str, title: str, inside: list[str]) -> Iterator[str]:
    """The lines of an admonition between marks of its role, which ``markdown`` reads."""
    role = title_role(title) or note_role(title) or note_role(name)
    if role == QUESTION and title.rstrip().endswith(("?", "？")):
        role = ""  # a heading that asks, with its answer below: running text
    shown = "" if says_only(title, role) else title
    yield from ("", f"<!--role {role}-->" if role else "", "", shown, "")
    yield from inside
    yield from ("", "<!--/role-->" if role else "", "")


def _fence_after(line: str, fence: str) -> str:
    """The fence that is open after ``line``, or an empty string."""
    found = _FENCE.match(line)
    if not found:
        return fence
    if not fence:
        return found[2]
    closes = found[2][0] == fence[0] and len(found[2]) >= len(fence) and not found[3].strip()
    return "" if closes else fence


def _indented(lines: list[str], start: int, indent: int) -> tuple[list[str], int]:
    """The lines from ``start`` that are indented by four more, without that indentation."""
    inside: list[str] = []
    i = start
    while i < len(lines):
        line = lines[i].expandtabs(4)
        if line.strip() and len(line) - len(line.lstrip()) < indent + 4:
            break
        inside.append(line[indent + 4 :])
        i += 1
    return inside, i
