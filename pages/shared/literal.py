"""Text that people, books and models wrote, as Markdown that shows it letter for letter.

Streamlit reads Markdown in headings, captions, notes, toasts, and in the labels of buttons and
expanders: `__init__`, `$5` or `<b>` of a book would come out as something else there.
"""

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~<$:&=@])")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_ARROWS = re.compile(r"(?<!\S)(<->|->|<-|--|>=|<=|~=)(?!\S)")
"""What Streamlit turns into one sign (→, —, ≥); a word joiner inside keeps it as it is."""


def escaped(text: str) -> str:
    """The text as Markdown that shows it literally, with its lines and their indents."""
    kept = _ARROWS.sub(lambda m: m[0][0] + "\u2060" + m[0][1:], text)
    kept = _INDENT.sub(lambda m: "\u00a0" * len(m[0].expandtabs(4)), kept)
    return _SPECIAL.sub(r"\\\1", kept).replace("\n", "  \n")


def highlighted(text: str, quotes: Sequence[str]) -> str:
    """The text as Markdown that shows it literally, with the quotes on green."""
    wanted = sorted({q.strip() for q in quotes if q.strip()}, key=len, reverse=True)
    if not wanted:
        return escaped(text)
    parts = re.split("(" + "|".join(map(re.escape, wanted)) + ")", text)
    return "".join(
        f":green-background[{escaped(' '.join(part.split()))}]" if part in wanted else escaped(part)
        for part in parts
    )


def spoken(text: str) -> str:
    """A tutor's answer: literal, but for bold words that open a paragraph (*Several views*)."""
    return re.sub(r"(?m)^\\\*\\\*(.+?)\\\*\\\*(?=\s)", r"**\1**", escaped(text))
