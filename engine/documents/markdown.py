"""Markdown to pieces: heading tree, prose, lists, tables, listings; markdown-it does the parsing.

CommonMark with tables, strikethrough, footnotes, formulas and attributes. Kept as text: formulas
and code. Gone: images alone in their line, markup, HTML tags, comments, embedded players.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from engine.documents.directives import Labels, resolved
from engine.documents.mkdocs import front_matter, unfold
from engine.documents.tree import Draft, Piece, clean, heading
from engine.schema import BlockKind, Warn
from engine.text import CJK

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_SNIPPET = re.compile(r"^\s*\[file\]\{|^\s*-{2,}8<-{2,}|^\s*--8<--", re.MULTILINE)
_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")
_ROLE = re.compile(r"<!--(?:role (\w+)|/role)-->")
_UNSEEN = re.compile(r"<!--|<(script|style|iframe|video|svg|object)\b", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ATTRIBUTES = re.compile(r"\s*\{[:#.][^}]*\}\s*$")
_FOOTMARK = re.compile(r"\[\^[^\]]+\]")
_ALERT = re.compile(r"^\[!\w+\]\s*")
WHOLE = ("exercise", "solution", "reference", "output", "question")
"""Boxes in which a listing or table does what the box does."""
_MARKED = re.compile(r"==(?=\S)([^=\n]{1,1000}?)(?<=\S)==")
_WIDE = rf"[{CJK}\u3000-\u303f\uff00-\uffef“”]"
_LOOSE = re.compile(rf"(?<={_WIDE})\n(?={_WIDE})")
_BESIDE_WIDE = re.compile(_WIDE)


def read_markdown(text: str, labels: Labels | None = None) -> Draft:
    """The pieces of a Markdown text; images go, the first of several tabs stays.

    ``labels`` are those that the book's other files set (``directives.labels_of``).
    """
    lines, title = front_matter(text.split("\n"))
    walker = _Walker()
    walker.read("\n".join(unfold(resolved(lines, labels or {}))))
    draft = Draft(pieces=walker.pieces, title=title)
    if walker.snippets:
        message = f"{walker.snippets} listings are only named in the text, not contained in it."
        draft.warnings.append(Warn(code="markdown.snippets", message=message))
    if title and not any(p.level for p in draft.pieces):
        draft.pieces.insert(0, heading(title, 1))
    return draft


@cache
def _parser(html_blocks: bool = True) -> MarkdownIt:
    """The parser; without ``html_blocks`` tags are only marks within paragraphs."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.attrs import attrs_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.use(attrs_plugin, after=("image", "link_close"))
    parser.use(footnote_plugin, inline=False, move_to_end=False, always_match_refs=True)
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, double_inline=True)
    parser.inline.ruler.at("emphasis", _emphasis)
    return parser if html_blocks else parser.disable("html_block")


def _emphasis(state: StateInline, silent: bool) -> bool:
    """CommonMark's rule for ``*`` and ``_``, but stars beside Chinese characters always count.

    By CommonMark the closing stars of ``**“栈”**是`` close nothing, because no blank follows.
    """
    from markdown_it.rules_inline import emphasis
    from markdown_it.rules_inline.state_inline import Delimiter

    start, marker = state.pos, state.src[state.pos]
    if silent or marker != "*":
        return emphasis.tokenize(state, silent)
    found = state.scanDelims(start, True)
    before = state.src[start - 1 : start] or " "
    after = state.src[start + found.length : start + found.length + 1] or " "
    wide = bool(_BESIDE_WIDE.match(before) or _BESIDE_WIDE.match(after))
    can_open = not after.isspace() if wide else found.can_open
    can_close = not before.isspace() if wide else found.can_close
    for _ in range(found.length):
        state.push("text", "", 0).content = marker
        mark = Delimiter(ord(marker), found.length, len(state.tokens) - 1, -1, can_open, can_close)
        state.delimiters.append(mark)
    state.pos += found.length
    return True


# ------------------------------------------------------------------ blocks


@dataclass
class _Walker:
    """Goes through the parser's tokens; a list is one piece until another kind of block comes."""

    pieces: list[Piece] = field(default_factory=list)
    snippets: int = 0
    page: int = 0
    _lists: list[str] = field(default_factory=list)
    _mark: str = ""
    _items: list[str] = field(default_factory=list)
    _rows: list[list[str]] = field(default_factory=list)
    _quotes: int = 0
    _roles: list[str] = field(default_factory=list)

    def read(self, text: str, html_blocks: bool = True) -> None:
        """Add the pieces of a text."""
        for token, following in _pairs(_parser(html_blocks).parse(text)):
            self._block(token, following)

    def _block(self, token: Token, inside: Token) -> None:
        """One token; ``inside`` is the next one, which holds the text of a heading or paragraph."""
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            self._lists.append(kind)
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._end_list()
        elif kind == "list_item_open":
            number = f"{token.info}{token.markup}" if token.info else "-"
            self._mark = "  " * (len(self._lists) - 1) + number + " "
        elif kind == "heading_open":
            self._heading(inside, int(token.tag[1]))
        elif kind == "paragraph_open":
            self._paragraph(inside)
        elif kind in ("fence", "code_block"):
            self._listing(token.content)
        elif kind == "math_block":
            self._roles.append("formula")
            self._put(f"$$\n{_stripped(token.content)}\n$$", "prose")
            self._roles.pop()
        elif kind == "html_block":
            self._html(token.content)
        elif kind in ("blockquote_open", "blockquote_close"):
            self._quotes += token.nesting
        else:
            self._table(kind, inside)

    def _heading(self, inside: Token, level: int) -> None:
        self._flush()
        children = inside.children or []
        if children and children[-1].type == "text":
            children[-1].content = _ATTRIBUTES.sub("", children[-1].content)
        if title := _plain(children):
            self.pieces.append(heading(title, level, self.page))

    def _paragraph(self, inside: Token) -> None:
        """A paragraph, parted where a picture has a line of its own."""
        if _only_links(inside.children or ()):
            self._roles.append("reference")
            self._put(_plain(inside.children or ()), "prose")
            self._roles.pop()
            return
        for pictures, lines in groupby(_lines(inside.children or ()), key=_is_picture):
            text = "" if pictures else _tidy("\n".join(map(_text, lines)))
            if self._quotes:
                text = _ALERT.sub("", text)
            if text and self._lists:
                self._item(text)
            else:
                self._put(text, "prose")

    def _item(self, text: str) -> None:
        """A paragraph of a list: a new item, or more of the last one."""
        if self._mark:
            self._items.append(self._mark + text)
            self._mark = ""
        elif self._items:
            self._items[-1] = _joined(f"{self._items[-1]}\n{text}")
        else:  # after a listing within the item
            self._put(text, "prose")

    def _end_list(self) -> None:
        self._lists.pop()
        if not self._lists:
            self._flush()

    def _flush(self) -> None:
        items, self._items = self._items, []
        self._add("\n".join(items), "list")

    def _put(self, text: str, kind: BlockKind) -> None:
        if text.strip():
            self._flush()
        self._add(text, kind)

    def _add(self, text: str, kind: BlockKind) -> None:
        if text.strip():
            role = self._roles[-1] if self._roles else ""
            role = "" if kind in ("code", "table") and role not in WHOLE else role
            self.pieces.append(Piece(text, kind, 0, self.page, self.page, role))

    def _listing(self, text: str) -> None:
        if _SNIPPET.search(text):
            self.snippets += 1
        else:
            self._put(text.strip("\n").rstrip(), "code")

    def _html(self, text: str) -> None:
        """A block of HTML: a slide's number, nothing to read, or Markdown between tags."""
        if mark := _ROLE.match(text.strip()):
            self._flush()
            self._mark_role(mark[1])
            return
        if slide := _SLIDE.match(text.strip()):
            self._flush()
            self.page = int(slide[1])
        if rest := _stripped(_seen(text).replace("<!--", "")):
            self.read(rest, html_blocks=False)

    def _mark_role(self, role: str | None) -> None:
        """A box of this role opens, or (None) the innermost one closes."""
        if role:
            self._roles.append(role)
        elif self._roles:
            self._roles.pop()

    def _table(self, kind: str, inside: Token) -> None:
        if kind == "tr_open":
            self._rows.append([])
        elif kind in ("th_open", "td_open"):
            self._rows[-1].append(_plain(inside.children or ()))
        elif kind == "table_close":
            rows, self._rows = self._rows, []
            self._put("\n".join(" | ".join(row) for row in rows if any(row)), "table")


def _pairs(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token]]:
    """Every token with the one after it (the last with itself)."""
    return zip(tokens, [*tokens[1:], *tokens[-1:]], strict=True)


def _seen(text: str) -> str:
    """HTML without comments and embedded players; what is never closed stays, as text.

    Takes linear time: each kind is looked for in vain at most once.
    """
    parts, at, unclosed = [], 0, set()
    for found in _UNSEEN.finditer(text):
        name = (found[1] or "").lower()
        if found.start() < at or name in unclosed:
            continue
        ending = rf"[^<>]*/>|.*?</{name}\s*>" if name else ".*?-->"
        closed = re.compile(ending, re.DOTALL | re.IGNORECASE).match(text, found.end())
        if closed is None:
            unclosed.add(name)
        else:
            parts.append(text[at : found.start()])
            at = closed.end()
    return "".join([*parts, text[at:]])


def _stripped(text: str) -> str:
    """The text without blanks around its lines and blank lines around it."""
    return "\n".join(line.strip() for line in text.strip().split("\n"))


# ------------------------------------------------------------------ within a paragraph


def _lines(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of a paragraph by the lines of the source."""
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            found.append([])
        else:
            found[-1].append(token)
    return found


def _is_picture(line: Sequence[Token]) -> bool:
    """Whether a line holds nothing but pictures."""
    kinds = {token.type for token in line if token.content.strip() or token.type == "image"}
    return "image" in kinds and kinds <= {"image", "html_inline"}


def _only_links(tokens: Sequence[Token]) -> bool:
    """Whether a paragraph is nothing but links: where to go on, no matter of the book."""
    inside, links = 0, 0
    for token in tokens:
        inside += token.nesting if token.type in ("link_open", "link_close") else 0
        links += token.type == "link_open"
        words = token.type == "image" or re.search(r"\w", token.content)
        if words and not inside and token.type != "link_close":
            return False
    return links > 0


def _plain(tokens: Sequence[Token]) -> str:
    """A heading or cell without markup, on one line."""
    return _tidy("\n".join(map(_text, _lines(tokens))))


def _text(tokens: Sequence[Token]) -> str:
    """Text without markup: links and pictures as their words, formulas and code as they are."""
    parts: list[str] = []
    for token in _visible(tokens):
        if token.type == "text":
            parts.append(_FOOTMARK.sub("", _MARKED.sub(r"\1", token.content)))
        elif token.type in ("code_inline", "image"):
            parts.append(token.content)
        elif token.type in ("math_inline", "math_inline_double"):
            parts.append(f"{token.markup}{token.content}{token.markup}")
        elif token.type == "html_inline" and _BREAK.match(token.content):
            parts.append(" ")
    return "".join(parts)


def _visible(tokens: Sequence[Token]) -> list[Token]:
    """The tokens of a line without embedded players and what stands between their tags."""
    tags = [token.content.lower() if token.type == "html_inline" else "" for token in tokens]
    last = {tag.rstrip(" >"): place for place, tag in enumerate(tags) if tag.startswith("</")}
    found, at = [], 0
    while at < len(tokens):
        player = _UNSEEN.match(tags[at])
        end = f"</{player[1]}" if player and player[1] else ""
        if last.get(end, -1) > at:
            at = next(i for i in range(at, len(tokens)) if tags[i].rstrip(" >") == end)
        else:
            found.append(tokens[at])
        at += 1
    return found


def _tidy(text: str) -> str:
    """One line, its blanks single."""
    return clean(re.sub(r"[ \t\xa0]+", " ", _joined(text))).strip()


def _joined(text: str) -> str:
    """One line: no blank where a line ended between Chinese characters."""
    return _LOOSE.sub("", text).replace("\n", " ")
