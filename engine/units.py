"""What can be quoted: one contiguous piece of a passage, a paragraph with its example or code.

A learner reads a paragraph of some hundred words at a glance; a single sentence loses what it leans
on, two sentences from two places make no sense together. So a unit never joins far places.
"""

from __future__ import annotations

from engine.language import rules
from engine.schema import Block, BlockRole, Language, Passage, Value
from engine.text import language_of, sentences, words

LONGEST = 110
"""Words (1.6 characters each in Chinese) of prose in one unit."""
_LONGEST_CODE = 24
_ATTACHED = frozenset(("code", "table"))
_ENTRY_ROLES: frozenset[BlockRole] = frozenset(("definition",))


class Unit(Value):
    """One quotable piece.

    ``sentences`` are those of its prose, in order; ``text`` is what the book says, blocks apart by
    blank lines, and ``shown`` the same as Markdown; ``roles`` are those of its blocks.
    """

    text: str
    shown: str
    sentences: tuple[str, ...]
    roles: tuple[BlockRole, ...]
    passage: str
    section: str
    title: str
    path: str
    page: int = 0

    @property
    def searched(self) -> str:
        """What is looked through for it: its headings and its text."""
        return f"{self.path}\n{self.text}"


def units_of(passage: Passage) -> tuple[Unit, ...]:
    """The quotable pieces of a passage, in order."""
    blocks = passage.blocks or (Block(text=passage.text, page=passage.page_start),)
    language = passage.language or language_of(passage.text)
    found: list[Unit] = []
    at = 0
    while at < len(blocks):
        end = _group(blocks, at, language)
        found += _cut(blocks[at:end], passage, language)
        at = end
    return tuple(found)


def _group(blocks: tuple[Block, ...], at: int, language: Language) -> int:
    """Where the group that begins at ``at`` ends: prose takes what it introduces along."""
    end = at + 1
    if blocks[at].role in _ENTRY_ROLES or not _prose(blocks[at]):
        return end
    announces = blocks[at].text.rstrip().endswith((":", "："))
    while end < len(blocks) and (_attached(blocks[end]) or (announces and end == at + 1)):
        if _size(blocks[at : end + 1], language) > 2 * LONGEST:
            break
        end += 1
    return end


def _prose(block: Block) -> bool:
    return block.kind == "prose" and block.role not in ("code", "output", "table", "formula")


def _attached(block: Block) -> bool:
    short = block.text.count("\n") < _LONGEST_CODE
    return short and (block.kind in _ATTACHED or block.role in ("output", "formula", "example"))


def _size(blocks: tuple[Block, ...], language: Language) -> float:
    return sum(len(words(b.text)) for b in blocks) / rules(language).sizes.scale


def _cut(group: tuple[Block, ...], passage: Passage, language: Language) -> list[Unit]:
    head, rest = group[0], group[1:]
    if head.kind == "list":
        return _listed(head, passage, language)
    if not _prose(head):
        return [_unit((head.text,), (), group, passage)]
    told = sentences(head.text, language)
    windows = _windows(told, language)
    found = []
    for number, window in enumerate(windows):
        last = number == len(windows) - 1
        texts = (rules(language).joiner.join(window), *(b.text for b in rest if last))
        own = group if last else (head,)
        found.append(_unit(texts, tuple(window), own, passage))
    return found


def _windows(told: list[str], language: Language) -> list[list[str]]:
    """The sentences in runs of at most ``LONGEST`` words, each but the first overlapping by one."""
    scale = rules(language).sizes.scale
    runs: list[list[str]] = [[]]
    size = 0.0
    for sentence in told:
        length = len(words(sentence)) / scale
        if runs[-1] and size + length > LONGEST:
            runs.append([runs[-1][-1]])
            size = len(words(runs[-1][0])) / scale
        runs[-1].append(sentence)
        size += length
    return runs


def _listed(head: Block, passage: Passage, language: Language) -> list[Unit]:
    """A short list whole, a long one item by item."""
    items = [line.strip() for line in head.text.split("\n") if line.strip()]
    if _size((head,), language) <= LONGEST:
        return [_unit((head.text,), tuple(items), (head,), passage)]
    return [_unit((item,), (item,), (head,), passage) for item in items]


def _shown(text: str, block: Block) -> str:
    """A block's text as Markdown: listings and what programs print in fences."""
    return f"```\n{text}\n```" if block.kind == "code" or block.role == "output" else text


def _unit(
    texts: tuple[str, ...],
    told: tuple[str, ...],
    blocks: tuple[Block, ...],
    passage: Passage,
) -> Unit:
    roles: list[BlockRole] = []
    for block in blocks:
        plain = block.role == "prose" and block.kind in ("code", "table")
        roles.append(("code" if block.kind == "code" else "table") if plain else block.role)
    return Unit(
        text="\n\n".join(texts),
        shown="\n\n".join(map(_shown, texts, blocks)),
        sentences=told,
        roles=tuple(dict.fromkeys(roles)),
        passage=passage.id,
        section=passage.section,
        title=passage.title,
        path=passage.path or passage.title,
        page=blocks[0].page or passage.page_start,
    )
