"""Text that people, books and models wrote, as Markdown that shows it letter for letter.

Streamlit reads Markdown in headings, captions, notes, toasts, and in the labels of buttons and
expanders: `__init__`, `$5` or `<b>` of a book would come out as something else there. Only what
is LaTeX between dollars is drawn as the formula that it is, in course matter (`written`).
"""

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~<$:&=@])")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_ARROWS = re.compile(r"(?<!\S)(<->|->|<-|--|>=|<=|~=)(?!\S)")
"""What Streamlit turns into one sign (→, —, ≥); a word joiner inside keeps it as it is."""


_FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<![\\$\w])\$(?![\s$])([^$\n]+?)(?<![\s\\])\$(?![\d$])", re.DOTALL
)
_COMMAND = re.compile(r"\\[A-Za-z]+|[\^_]|\\[{}|,;]")
_NAME = re.compile(r"[A-Za-z]\w*(?:\[[^\]]*\]|\([^)]*\))*'*")
_WORD = re.compile(r"[A-Za-z]{3,}|[\u3400-\u9fff]")
_FUNCTIONS = "log exp sin cos tan min max mod gcd lim lcm len"
_KNOWN = frozenset(_FUNCTIONS.split())
_KEPT = re.compile("\ue0f0(\\d+)\ue0f1")


def written(text: str) -> str:
    """Course matter as Markdown: literal, but for formulas; prices are no formulas."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        if not is_formula(found[1] or found[2]):
            return found[0]
        kept.append(_tex(found))
        return f"\ue0f0{len(kept) - 1}\ue0f1"

    return _KEPT.sub(lambda m: kept[int(m[1])], escaped(_FORMULA.sub(keep, _KEPT.sub("", text))))


def is_formula(inside: str) -> bool:
    """Whether what stands between two dollars is LaTeX: commands, one name, or no words."""
    if _COMMAND.search(inside) or _NAME.fullmatch(inside.strip()):
        return True
    return all(word.lower() in _KNOWN for word in _WORD.findall(inside))


def _tex(found: re.Match[str]) -> str:
    """A formula for Streamlit: a block stands in lines of its own."""
    return f"\n\n$$\n{found[1].strip()}\n$$\n\n" if found[1] else f"${found[2]}$"


def escaped(text: str) -> str:
    """The text as Markdown that shows it literally, with its lines and their indents."""
    kept = _ARROWS.sub(lambda m: m[0][0] + "\u2060" + m[0][1:], text)
    kept = _INDENT.sub(lambda m: "\u00a0" * len(m[0].expandtabs(4)), kept)
    return _SPECIAL.sub(r"\\\1", kept).replace("\n", "  \n")


def highlighted(text: str, quotes: Sequence[str]) -> str:
    """The text as Markdown as of `written`, with the quotes on green."""
    wanted = sorted({q.strip() for q in quotes if q.strip()}, key=len, reverse=True)
    if not wanted:
        return written(text)
    parts = re.split("(" + "|".join(map(re.escape, wanted)) + ")", text)
    return "".join(
        f":green-background[{written(' '.join(part.split()))}]" if part in wanted else written(part)
        for part in parts
    )


def spoken(text: str) -> str:
    """A tutor's answer: `written`, and bold words that open a paragraph (*Several views*)."""
    return re.sub(r"(?m)^\\\*\\\*(.+?)\\\*\\\*(?=\s)", r"**\1**", written(text))
