"""Markdown to pieces: heading tree, mkdocs tabs and admonitions, tables, listings, clean prose."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.documents.tree import Draft, Piece, clean, heading
from engine.schema import BlockKind, Warn
from engine.text import CJK

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([^`]*)$")
_ATX = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_TAB = re.compile(r'^( *)===[+!]? +"([^"]*)"\s*$')
_NOTE = re.compile(r'^( *)(?:!!!|\?\?\?\+?) *([\w-]*)[^"]*?(?:"([^"]*)")?\s*$')
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,3}[.)])[ \t]+(.*)$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_REFERENCE = re.compile(r"^ {0,3}\[(?!\^)[^\]]+\]:\s+\S+")
_FOOTNOTE = re.compile(r"^ {0,3}\[\^[^\]]+\]:\s*")
_SNIPPET = re.compile(r"^\s*\[file\]\{|^\s*-{2,}8<-{2,}|^\s*--8<--")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_EMBED = re.compile(
    r"<(script|style|iframe|video|svg|object)\b.*?(</\1\s*>|/>)", re.DOTALL | re.IGNORECASE
)
# Spans have upper lengths, so that a page of lone stars or brackets costs linear time.
_KEEP = re.compile(
    r"(?<!`)(`{1,8})(?!`)(.{1,800}?)(?<!`)\1(?!`)"
    r"|(\$\$.{1,4000}?\$\$|\$(?!\s)[^$\n]{1,800}?(?<!\s)\$(?!\d))",
    re.DOTALL,
)
_IMAGE = re.compile(
    r"!\[([^\]\[]{0,500})\](?:\([^)(]{0,2000}\)|\[[^\]]{0,200}\])(?:\{[^}]{0,300}\})?"
)
_LINK = re.compile(
    r"\[([^\[\]]{0,500})\](?:\((?:[^()]|\([^()]{0,300}\)){0,2000}\)|\[[^\[\]]{0,200}\])"
    r"(?:\{[^}]{0,300}\})?"
)
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^>\s]+)>")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][\w-]*(?:\s[^<>]*)?/?>")
_FOOTMARK = re.compile(r"\[\^[^\]]+\]")
_ATTRIBUTES = re.compile(r"\s*\{[:#.][^}]*\}\s*$")
_EMPHASIS = (
    re.compile(r"(\*\*\*|\*\*|\*)(?=\S)(.{1,1000}?)(?<=\S)\1", re.DOTALL),
    re.compile(r"(?<!\w)(___|__|_)(?=\S)(.{1,1000}?)(?<=\S)\1(?!\w)", re.DOTALL),
    re.compile(r"(~~|==)(?=\S)(.{1,1000}?)(?<=\S)\1", re.DOTALL),
)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~$])")
_ALONE = re.compile(rf"^\s*{_IMAGE.pattern}\s*$")
_SLIDE = re.compile(r"^<!-- Slide number: (\d+) -->\s*$")
_WIDE = rf"[{CJK}\u3000-\u303f\uff00-\uffef“”]"
_LOOSE = re.compile(rf"(?<={_WIDE})\n(?={_WIDE})")
_SKIPPED_NOTES = {"pythontutor"}
_NESTED = 12
"""Tabs and notes nested deeper than this are no book's: their markers stay as text."""


def read_markdown(text: str) -> Draft:
    """The pieces of a Markdown text; images go, the first of several tabs stays."""
    lines, title = _front_matter(text.split("\n"))
    parser = _Parser()
    lines = "\n".join(_unfold(lines)).split("\n")
    parser.read(lines)
    draft = Draft(pieces=parser.pieces, title=title)
    if parser.snippets:
        message = f"{parser.snippets} listings are only named in the text, not contained in it."
        draft.warnings.append(Warn(code="markdown.snippets", message=message))
    if title and not any(p.level for p in draft.pieces):
        draft.pieces.insert(0, heading(title, 1))
    return draft


def inline(text: str) -> str:
    """One paragraph without markup: links to text, emphasis off, formulas and code as they are."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append((found[2].strip() or found[2]) if found[2] else found[3])
        return f"\x00{len(kept) - 1}\x00"

    text = _KEEP.sub(keep, text)
    text = _ESCAPE.sub(lambda m: _kept(kept, m[1]), text)
    text = _AUTOLINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = _FOOTMARK.sub("", _LINK.sub(r"\1", text))
    text = html.unescape(_TAG.sub("", _BREAK.sub(" ", text)))
    for pattern in _EMPHASIS:
        for _ in range(2):
            text = pattern.sub(r"\2", text)
    text = re.sub(r"[ \t\xa0]+", " ", text)
    text = re.sub(r"\x00(\d+)\x00", lambda m: kept[int(m[1])], text)
    return clean(text).strip()


def _kept(kept: list[str], text: str) -> str:
    kept.append(text)
    return f"\x00{len(kept) - 1}\x00"


def _front_matter(lines: list[str]) -> tuple[list[str], str]:
    """The lines without a YAML head, and the title that it names."""
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


def _unfold(lines: list[str], depth: int = 0) -> Iterator[str]:
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
            if note[2] in _SKIPPED_NOTES:
                continue
            yield from ("", note[3] or "", "")
        elif not first:
            continue
        yield from _unfold(inside, depth + 1)
        yield ""
        first = not tab


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


@dataclass
class _Parser:
    """Line by line: what kind of block is open, and the pieces that are done."""

    pieces: list[Piece] = field(default_factory=list)
    snippets: int = 0
    page: int = 0
    _open: list[str] = field(default_factory=list)
    _kind: BlockKind = "prose"
    _unclosed: int = 0

    def read(self, lines: list[str]) -> None:
        i = 0
        while i < len(lines):
            i = self._step(lines, i)
        self._close()

    def _step(self, lines: list[str], i: int) -> int:
        line = lines[i]
        if fence := _FENCE.match(line):
            return self._listing(lines, i, fence)
        if slide := _SLIDE.match(line):
            self._close()
            self.page = int(slide[1])
            return i + 1
        if line.strip().startswith("$$"):
            return self._formula(lines, i)
        if "<!--" in line or _EMBED_START.match(line):
            return self._markup(lines, i)
        return self._plain(lines, i, line)

    def _plain(self, lines: list[str], i: int, line: str) -> int:
        if not line.strip():
            if self._kind != "list" or not _goes_on(lines, i):
                self._close()
        elif atx := _ATX.match(line):
            self._head(atx[2] or "", len(atx[1]))
        elif self._open and self._kind == "prose" and (under := _SETEXT.match(line)):
            text, self._open = " ".join(self._open), []
            self._head(text, 1 if under[1][0] == "=" else 2)
        elif _RULE.match(line) or _REFERENCE.match(line) or _ALONE.match(line):
            self._close()
        elif "|" in line and i + 1 < len(lines) and _TABLE_RULE.match(lines[i + 1]):
            return self._table(lines, i)
        elif not self._open and re.match(r"^(?: {4}|\t)", line) and self._kind != "list":
            return self._indented_code(lines, i)
        else:
            self._text(line)
        return i + 1

    def _text(self, line: str) -> None:
        if item := _ITEM.match(line):
            if self._kind != "list":
                self._close()
            self._kind = "list"
            depth = len(item[1].expandtabs(4)) // 2
            mark = item[2] if item[2][0].isdigit() else "-"
            self._open.append(f"\x01{'  ' * depth}{mark} \x01{item[3]}")
            return
        line = re.sub(r"^\s*(?:>\s?)+(?:\[!\w+\]\s*)?", "", line)
        self._open.append(_FOOTNOTE.sub("", line).strip())

    def _head(self, text: str, level: int) -> None:
        self._close()
        title = inline(_ATTRIBUTES.sub("", text))
        if title:
            self.pieces.append(heading(title, level, self.page))

    def _close(self) -> None:
        lines, self._open = self._open, []
        kind, self._kind = self._kind, "prose"
        if not lines:
            return
        if kind == "list":
            items = "\n".join(lines).replace("\n\x01", "\x02").lstrip("\x01").split("\x02")
            text = "\n".join(_item(x) for x in items)
        else:
            text = inline(_LOOSE.sub("", "\n".join(lines)).replace("\n", " "))
        self._put(text, kind)

    def _put(self, text: str, kind: BlockKind) -> None:
        if text.strip():
            self.pieces.append(Piece(text, kind, 0, self.page, self.page))

    def _listing(self, lines: list[str], i: int, fence: re.Match[str]) -> int:
        self._close()
        indent, mark = len(fence[1]), fence[2]
        rows: list[str] = []
        i += 1
        while i < len(lines) and _fence_after(lines[i], mark):
            row = lines[i]
            rows.append(row[min(indent, len(row) - len(row.lstrip())) :])
            i += 1
        if any(_SNIPPET.match(row) for row in rows):
            self.snippets += 1
        else:
            self._put("\n".join(rows).strip("\n").rstrip(), "code")
        return i + 1

    def _indented_code(self, lines: list[str], i: int) -> int:
        inside, i = _indented(lines, i, 0)
        self._put("\n".join(inside).strip("\n").rstrip(), "code")
        return i

    def _formula(self, lines: list[str], i: int) -> int:
        self._close()
        rows = [lines[i].strip()]
        while rows[0].count("$$") < 2 and i + 1 < len(lines) and lines[i + 1].strip():
            i += 1
            rows.append(lines[i].strip())
            if "$$" in rows[-1]:
                break
        self._put("\n".join(rows), "prose")
        return i + 1

    def _markup(self, lines: list[str], i: int) -> int:
        """Comments and embedded players, over several lines: cut out, the rest read again."""
        block = lines[i]
        end = i + 1
        while _cut_out(block) is None and i >= self._unclosed and end < min(len(lines), i + 200):
            block += "\n" + lines[end]
            end += 1
        if (rest := _cut_out(block)) is None:  # never closed: text after all
            self._unclosed = max(self._unclosed, end)
            self._text(lines[i].replace("<!--", ""))
            return i + 1
        lines[i:end] = [x for x in rest.split("\n") if x.strip()] or [""]
        return i

    def _table(self, lines: list[str], i: int) -> int:
        self._close()
        rows = [lines[i]]
        i += 2
        while i < len(lines) and "|" in lines[i]:
            rows.append(lines[i])
            i += 1
        cells = [_cells(row) for row in rows]
        self._put("\n".join(" | ".join(row) for row in cells if any(row)), "table")
        return i


_EMBED_START = re.compile(r"^\s*<(script|style|iframe|video|svg|object)\b", re.IGNORECASE)


def _cut_out(block: str) -> str | None:
    """The text without its comments and players; None where none is closed in it."""
    if "-->" not in block and "</" not in block and "/>" not in block:
        return None
    rest = _COMMENT.sub("", _EMBED.sub("", block))
    return None if rest == block else rest


def _cells(row: str) -> list[str]:
    row = row.strip().removeprefix("|").removesuffix("|")
    return [inline(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", row)]


def _item(text: str) -> str:
    mark, _, body = text.partition("\x01")
    return mark + inline(_LOOSE.sub("", body).replace("\n", " "))


def _goes_on(lines: list[str], i: int) -> bool:
    """Whether a list goes on after blank lines: another item or an indented paragraph."""
    following = next((x for x in lines[i + 1 :] if x.strip()), "")
    return bool(_ITEM.match(following)) or bool(re.match(r"^(?: {2,}|\t)", following))
