"""Gates on one text: readable, self-contained, and grounded in what it was taken from."""

from __future__ import annotations

import re

from engine.schema import Language
from engine.text import words

_CONNECTOR = re.compile(
    r"^(?:However|But|So|And|Also|Then|In addition|Moreover|Furthermore|Again|Finally|Of course|"
    r"In general|In fact|As usual|Fortunately|Unfortunately|For example|At this point|Similarly|"
    r"Now|Actually|Instead|Remember that|Notice that|Note that|In other words|As a result|"
    r"Therefore|Thus|Usually|On the other hand|In practice|By the way|For now),? ",
)
_CONNECTOR_ZH = re.compile(
    r"^(?:然而|但是|但|而且|因此|所以|此外|另外|同时|并且|值得注意的是|需要注意的是|请注意|"
    r"总的来看|总的来说|换句话说|也就是说|具体来说|例如|实际上|综上所述|简而言之|通常情况下|一般来说)，?",
)
_LEANS = re.compile(
    r"^(?:this|that|these|those|it|its|they|their|them|he|she|his|her|here|such|the (?:first|"
    r"second|third|last|next|previous|following|former|latter|other|others|"
    r"result|output|same|only other)|"
    r"another|both|one of (?:them|these)|in this|in that|for this|with this|at this|"
    r"let’s|let's|we’ll|we'll|i |i’|i'|my|next,|again|similarly|otherwise|yes|no,|if so|"
    r"there (?:is|are) (?:one|another|two|no))\b"
    r"|\b(?:this|these|those|that) (?:chapter|section|example|function|program|exercise|case|book|"
    r"version|code|problem|loop|line|output|result|method|class|list|way|point|approach|"
    r"expression|statement|definition|diagram|one|kind|is|means|works|reason)\b"
    r"|\b(?:previous|next|preceding|last|following) (?:section|chapter|example|exercise|page|"
    r"figure|paragraph|line|program|function|version)\b|\b(?:as|see|shown|described|discussed) "
    r"(?:above|below|in section|in chapter|in figure)\b|\b(?:figure|section|chapter|exercise|table|"
    r"appendix) \d|\b(?:last|first|second) (?:frame|line|example|case)\b|"
    r"\b(?:above|below)\b|\bthe following\b|\bearlier\b",
    re.IGNORECASE,
)
_LEANS_ZH = re.compile(
    r"^(?:这|那|它|其|该|此|他们|我们|本|前者|后者|以上|以下|上述|下面|如图|如下|接下来|首先|其次|"
    r"然后|最后|再|另一|第[一二三四五]|同理|同样|反之|否则|可见|显然|观察|请)"
    r"|(?:下图|上图|如图|图中|[上下]表(?!面)|表中|本节|本章|上一节|下一节|前面|后文|上文|下文|如下|以下|"
    r"上述|以上代码|代码如下|示例代码|所示|参考代码|本书|该|此时|这)",
)
_AUTHOR = re.compile(r"\b(?:I|I[’'](?:m|ve|d|ll)|[Mm]y|[Mm]e)\b")
_JUNK = re.compile(r"[\ufffd\ue000-\uf8ff]|https?://|\.{4,}|_{3,}|>>>|^\W+$|\|\s*\|")


def tidy(sentence: str, language: Language) -> str:
    """The sentence without its leading connector («However, ...»), capitalised again."""
    pattern = _CONNECTOR if language == "en" else _CONNECTOR_ZH
    rest = pattern.sub("", sentence.strip())
    return rest[:1].upper() + rest[1:] if rest else sentence


def leans_back(text: str, language: Language) -> bool:
    """Whether the text points at something outside itself (a pronoun, «this chapter», «I»)."""
    if language == "zh":
        return bool(_LEANS_ZH.search(text.strip()))
    return bool(_LEANS.search(text.strip()) or _AUTHOR.search(text))


def readable(text: str, language: Language, *, shortest: int = 6, longest: int = 48) -> bool:
    """Whether a text reads as a plain statement of a fit length (words, or 1.6 characters each)."""
    scale = 1.0 if language == "en" else 1.6
    count = len(words(text))
    if not shortest * scale <= count <= longest * scale:
        return False
    letters = sum(character.isalpha() or character.isspace() for character in text)
    return (
        letters / len(text) > 0.75
        and not _JUNK.search(text)
        and not text.rstrip().endswith(("?", "？", ":", "：", ","))
        and text.count("(") == text.count(")")
    )


def grounded(answer: str, source: str) -> float:
    """Share of the answer's words that stand in the source, in [0, 1]; 1 for a span of it."""
    have = set(words(source))
    asked = words(answer)
    return sum(word in have for word in asked) / len(asked) if asked else 0.0


def holds_quote(quote: str, source: str) -> bool:
    """Whether the quote stands in the source, whatever the white space and quotation marks."""
    return bool(quote.strip()) and _plain(quote) in _plain(source)


def _plain(text: str) -> str:
    return re.sub(r"[\s“”\"'’‘`*]+", "", text).lower()
