"""Facts about text that several rooms need: language, tokens, sentences, words."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from engine.schema import Language

CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_LETTER = rf"(?:(?![{CJK}])[^\W_])"
_WORD = re.compile(rf"[{CJK}]|{_LETTER}+(?:['’]{_LETTER}+)?")
_END_ZH = re.compile(r"(?<=[。！？；])")
_END_EN = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"”’)]))\s+(?=[\"“(]?[A-Z0-9`])")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|cf|vs|Dr|Mr|Mrs|Ms|Prof|Fig|fig|Eq|Sec|No|pp?)\.$")


def language_of(text: str) -> Language:
    """``zh`` where more than a fifth of the letters are Chinese characters, else ``en``."""
    chinese = len(_CJK_CHARACTER.findall(text))
    letters = sum(character.isalpha() for character in text)
    return "zh" if letters and chinese / letters > 0.2 else "en"


def count_tokens(text: str) -> int:
    """Estimated tokens of a small model: 1.35 a word in English, 1.1 a Chinese character."""
    chinese = len(_CJK_CHARACTER.findall(text))
    rest = _CJK_CHARACTER.sub(" ", text)
    words = len(re.findall(r"\w+|[^\w\s]", rest))
    return round(chinese * 1.1 + words * 1.35)


def sentences(text: str, language: Language) -> list[str]:
    """The sentences of a paragraph, in order; their join (by a blank in English) is the text."""
    flat = re.sub(r"\s+", " ", text).strip()
    if language == "zh":
        return [s.strip() for s in _END_ZH.split(flat) if s.strip()]
    found: list[str] = []
    for piece in _END_EN.split(flat):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += " " + piece
        elif piece.strip():
            found.append(piece.strip())
    return found


def words(text: str) -> list[str]:
    """Lower-case tokens for scores: words, and single characters for Chinese."""
    return _WORD.findall(text.lower())


@cache
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.ERROR)
    return jieba


def search_terms(text: str) -> list[str]:
    """Lower-case terms for lexical search: words, and jieba's words for Chinese."""
    lowered = text.lower()
    if not _CJK_CHARACTER.search(lowered):
        return [_stem(word) for word in words(lowered)]
    found = _jieba().cut_for_search(lowered)
    return [_stem(term) for term in found if any(character.isalnum() for character in term)]


def _stem(word: str) -> str:
    """The English stem (Snowball), so that «dictionaries» finds «dictionary»."""
    return str(_stemmer().stemWord(word)) if word.isascii() else word


@cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


_ASKING_EN = """
what is are was were be been being do does did how why when where which who whom whose can could
should would will may might must shall a an the of to in on for with by at from as into and or not
no it its this that these those there i me my we us our you your they them explain tell describe
define mean meaning please give show difference between about compare example use used using help
understand know say work works have has had than then if so some any more most other need want like
make get go let just also very much many don t s
"""
_ASKING_ZH = """
什么 是 的 了 吗 呢 啊 怎么 怎样 如何 为什么 为何 哪 哪些 哪个 谁 多少 几
请 请问 解释 说明 介绍
告诉 我 你 他 它 们 我们 一下 有 没有 和 与 或 在 对 把 被 能 可以 会 要 应该 这 那 个 种 之 间
区别 意思 含义 一个 之间 关于
"""


@cache
def question_words() -> frozenset[str]:
    """Words that say how a question is asked, not what it is about, as search terms."""
    return frozenset(_stem(word) for word in (_ASKING_EN + _ASKING_ZH).split())
