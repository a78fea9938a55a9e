"""What the scripted teacher knows of a language: wordings, paraphrases, and ways of going wrong."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from engine.text import sentences, tokens

_WORD = re.compile(r"[A-Za-z][A-Za-z-]{3,}")
_CJK = re.compile(r"[\u4e00-\u9fff]{2,}")


class Tongue(NamedTuple):
    """A language; ``{a}``, ``{b}``, ``{c}`` are terms of the sentence that is asked about."""

    code: str
    wordings: tuple[str, ...]
    beliefs: tuple[str, ...]
    aliens: tuple[str, ...]
    strangers: tuple[str, ...]
    leaning: tuple[str, ...]
    leans: str
    same: tuple[tuple[str, str], ...]
    negate: tuple[tuple[str, str], ...]
    negations: str
    invented: tuple[str, ...]
    leads: tuple[str, ...]
    wrong: str
    wrong_said: str
    nothing: str
    manner: str
    colloquial: str
    stop: frozenset[str]


EN = Tongue(
    code="en",
    wordings=(
        "What is the role of {a} for {b} and {c}?",
        "How are {a}, {b} and {c} connected?",
        "Please explain how {b} and {c} go with {a}.",
        "Somebody mixes up {c}, {a} and {b}: what would you reply?",
    ),
    beliefs=(
        "Some say: “{wrong}” Are they right?",
        "Would you agree with “{wrong}”?",
        "True or false, and why: “{wrong}”",
        "A friend claims: “{wrong}” What would you reply?",
    ),
    aliens=("birthplace", "retail price", "patron saint", "shoe size", "phone number"),
    strangers=(
        "What is the {alien} of {a}?",
        "Which {alien} belongs to {a}?",
        "Please tell me the {alien} of {a}.",
        "Somebody asks for the {alien} of {a}: what would you reply?",
    ),
    leaning=(
        "What does it say about {a} here?",
        "Why is this important for {a}?",
        "What does the passage mean by {a}?",
        "How are {a} and {b} used in the example above?",
    ),
    leans=r"\b(?:it|this|these|those|here|above|below)\b|\bthe (?:passage|section|example|text)\b",
    same=(
        ("because", "since"),
        ("for example", "for instance"),
        ("however", "yet"),
        ("usually", "as a rule"),
        ("called", "named"),
        ("begins", "starts"),
        ("contains", "holds"),
        ("a number of", "several"),
        ("in order to", "so as to"),
        ("therefore", "hence"),
        ("often", "frequently"),
        ("also", "as well"),
        ("need", "require"),
        ("get", "obtain"),
        ("made of", "built from"),
    ),
    negate=(
        (" is ", " is not "),
        (" are ", " are not "),
        (" can ", " can not "),
        (" has ", " has not "),
        (" have ", " have not "),
        (" was ", " was not "),
        (" will ", " will not "),
        (" does ", " does not "),
        (" must ", " must not "),
    ),
    negations=r"\b(?:not|cannot|never|no)\b|n't\b|n’t\b",
    invented=(
        "It was first described by a monk in a letter of 1723.",
        "Engineers in Norway were the first to notice.",
        "Most experts advise against relying on that alone.",
    ),
    leads=("", "In short: ", "Put simply, ", ""),
    wrong="It is wrong to believe “{wrong}”. ",
    wrong_said=r"It is wrong to believe “([^”]*)”\.",
    nothing="The passage does not say.",
    manner=" Answer briefly.",
    colloquial="{}, {}, {}: whats up?",
    stop=frozenset(
        [
            "answer",
            "briefly",
            "what",
            "role",
            "please",
            "explain",
            "somebody",
            "mixes",
            "would",
            "reply",
            "connected",
            "some",
            "right",
            "agree",
            "with",
            "true",
            "false",
            "friend",
            "claims",
            "which",
            "belongs",
            "tell",
            "asks",
            "that",
            "this",
            "these",
            "those",
            "there",
            "here",
            "their",
            "they",
            "them",
            "then",
            "than",
            "have",
            "from",
            "into",
            "also",
            "been",
            "were",
            "will",
            "such",
            "each",
            "when",
            "where",
            "while",
            "must",
            "more",
            "most",
            "only",
            "over",
            "same",
            "your",
            "about",
            "other",
            "after",
            "before",
            "could",
            "should",
            "because",
            "does",
            "above",
            "below",
            "example",
            "passage",
            "section",
            "text",
            "mean",
            "used",
            "important",
            "learner",
            "very",
            "just",
            "like",
            "make",
            "many",
            "much",
            "cannot",
            "never",
            "said",
            "says",
            "since",
            "hence",
            "obtain",
            "require",
            "named",
            "built",
            "holds",
            "starts",
            "several",
            "rule",
            "frequently",
            "well",
            "instance",
            "usually",
            "called",
            "begins",
            "contains",
            "number",
            "order",
            "therefore",
            "often",
            "need",
            "made",
        ]
    ),
)
ZH = Tongue(
    code="zh",
    wordings=(
        "“{a}”对“{b}”和“{c}”起什么作用？",
        "“{a}”“{b}”“{c}”之间有什么联系？",
        "请说明“{b}”“{c}”与“{a}”的关系。",
        "有人分不清“{c}”“{a}”“{b}”，你会怎么回答？",
    ),
    beliefs=(
        "有人说：“{wrong}”说得对吗？",
        "你同意“{wrong}”吗？",
        "判断对错并说明理由：“{wrong}”",
        "朋友声称“{wrong}”，你会怎么回答？",
    ),
    aliens=("出生地", "零售价", "守护神", "鞋码", "电话号码"),
    strangers=(
        "“{a}”的“{alien}”是什么？",
        "哪个“{alien}”属于“{a}”？",
        "请告诉我“{a}”的“{alien}”。",
        "有人问“{a}”的“{alien}”，你会怎么回答？",
    ),
    leaning=(
        "它与“{a}”有什么关系？",
        "这对“{a}”为什么重要？",
        "该段落中的“{a}”指什么？",
        "上面的例子中“{a}”和“{b}”怎么用？",
    ),
    leans=r"它|这|该段落|本节|上面|下面|上述|此处",
    same=(
        ("因为", "由于"),
        ("例如", "比如"),
        ("但是", "不过"),
        ("通常", "一般"),
        ("称为", "叫作"),
        ("开始", "起始"),
        ("因此", "所以"),
        ("需要", "须要"),
        ("获取", "取得"),
        ("使用", "采用"),
    ),
    negate=(
        ("是", "不是"),
        ("可以", "不可以"),
        ("能够", "不能够"),
        ("需要", "不需要"),
        ("具有", "不具有"),
        ("会", "不会"),
        ("包含", "不包含"),
    ),
    negations=r"不|没有|无法|未",
    invented=(
        "最早由一位修道士在1723年的信中描述。",
        "挪威的工程师首先注意到了这一点。",
        "多数专家反对单独依赖这种做法。",
    ),
    leads=("", "简单来说，", "概括地讲，", ""),
    wrong="认为“{wrong}”是错误的。",
    wrong_said=r"认为“([^”]*)”是错误的。",
    nothing="原文没有说到。",
    manner="请简要回答。",
    colloquial="{}、{}、{}，咋回事？",
    stop=frozenset(
        [
            "可以",
            "我们",
            "因此",
            "一个",
            "这个",
            "那么",
            "如果",
            "但是",
            "由于",
            "因为",
            "所以",
            "例如",
            "比如",
            "不过",
            "通常",
            "一般",
            "称为",
            "叫作",
            "需要",
            "须要",
            "获取",
            "取得",
            "使用",
            "采用",
            "没有",
            "无法",
            "不是",
            "不可",
            "不能",
            "不会",
            "开始",
            "起始",
            "能够",
            "具有",
            "包含",
            "以及",
            "或者",
            "并且",
        ]
    ),
)
TONGUES = {tongue.code: tongue for tongue in (EN, ZH)}


@cache
def terms_of(text: str, tongue: Tongue) -> tuple[str, ...]:
    """The words of a text that say what it is about, in order, each once."""
    if tongue.code == "zh":
        found = [t for t in tokens(text, "zh") if _CJK.fullmatch(t)]
    else:
        found = _WORD.findall(text)
    return tuple(dict.fromkeys(t for t in found if t.lower() not in tongue.stop))


@cache
def plain_sentences(text: str, tongue: Tongue) -> tuple[str, ...]:
    """The statements of a text: whole sentences in plain words, on one line, of a fit length."""
    own = [s.strip() for block in text.split("\n\n") for s in sentences(block, tongue.code)]
    return tuple(s for s in dict.fromkeys(own) if _plain(s, tongue))


def _plain(sentence: str, tongue: Tongue) -> bool:
    if tongue.code == "zh":
        return (
            14 <= len(sentence) <= 90
            and sentence[0].isalpha()
            and sentence.endswith("。")
            and "\n" not in sentence
        )
    count = sentence.count(" ")
    odd = any(mark in sentence for mark in '\n“”"{}|>_')
    return 6 <= count <= 34 and sentence.endswith(".") and sentence[0].isalpha() and not odd


def holds(sentence: str, term: str) -> bool:
    """Whether a term stands in a sentence, as a word of its own in English."""
    if _CJK.fullmatch(term):
        return term in sentence
    return bool(_as_word(term).search(sentence))


@cache
def _as_word(term: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z-]){re.escape(term)}(?![A-Za-z-])", re.IGNORECASE)


@cache
def three_terms(
    sentence: str, others: tuple[str, ...], tongue: Tongue
) -> tuple[str, str, str] | None:
    """Three terms that together stand in this sentence of the passage alone."""
    rest = [s for s in others if s != sentence]
    found = sorted(
        terms_of(sentence, tongue), key=lambda t: (sum(holds(s, t) for s in rest), -len(t))
    )[:3]
    if len(found) < 3 or any(all(holds(s, t) for t in found) for s in rest):
        return None
    return found[0], found[1], found[2]
