"""The sentence forms that the extractive teacher knows, as data, by language.

A form names the kind of pair, the wording with which its subject is asked for (``wordings.py``)
and a pattern whose groups ``x`` (and ``y``) are that subject. Forms are tried in order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.schema import Language, PairKind

_NP = r"(?:(?:an?|the) )?[A-Za-z][\w’'./\-+*]*(?: (?:(?!(?:is|are|was|were|that|which|if)\b)[\w’'./\-+*()])+){0,4}"


@dataclass(frozen=True)
class Form:
    """A sentence form: what ``x`` (and ``y``) of the match is asked with which wording."""

    kind: PairKind
    wording: str
    pattern: re.Pattern[str]


def _form(kind: PairKind, wording: str, pattern: str) -> Form:
    return Form(kind, wording, re.compile(pattern))


FORMS: dict[Language, tuple[Form, ...]] = {
    "en": (
        _form(
            "comparison",
            "difference",
            rf"^(?:[Tt]he )?(?:\w+ )?difference between (?P<x>{_NP}) and (?P<y>{_NP}) is (?:that )?\w",
        ),
        _form("comparison", "difference", rf"^Unlike (?P<x>{_NP}), (?P<y>{_NP}) (?:is|are|can|do|ha)"),
        _form("cause", "reason", r"^(?:One|The|Another) reason (?P<x>[^,.]{8,80}?) is (?:that |to )?\w"),
        _form("cause", "why", r"^(?P<x>[A-Z][^;:]{12,110}?),? because (?!of\b)\w"),
        _form("cause", "why", r"^Because \w[^,]{6,100}, (?P<x>[a-z][^;:]{10,110}?)[.!]$"),
        _form("cause", "why", r"^Since [a-z][^,]{6,100}, (?P<x>[a-z][^;:]{10,110}?)[.!]$"),
        _form("definition", "term", rf"^(?P<x>{_NP}) is (?:an?|the|any|one of) \w"),
        _form("definition", "terms", r"^(?P<x>(?:[A-Za-z][\w\-]*ed )?(?:[\w\-]+ ){0,2}[\w\-]+s) are (?:the|an?|one|called|used|like|special|just|sequences?|objects?|immutable|mutable) "),
        _form(
            "definition",
            "term",
            r"\b(?:is|are) (?:called|known as|referred to as) (?P<x>(?:an? |the )?[A-Za-z][\w\- ]{2,40}?)[.;,]",
        ),
        _form("definition", "term", rf"^(?P<x>{_NP}) (?:means|refers to|consists of|is defined) \w"),
        _form("procedure", "how", r"^(?:In order to|To) (?P<x>[a-z][^,;:]{6,80}), (?:you|we|use|it|the|call)"),
        _form("procedure", "how", r"^You can (?P<x>[a-z][^,;:.]{6,70}?) (?:by|with|using) \w"),
        _form("fact", "if", r"^If (?P<x>(?:you|the|a|an|there|one|two) [^,;:]{8,90}), \w"),
        _form("fact", "when", r"^When (?P<x>(?:you|the|a|an|one|Python) [^,;:]{6,90}), \w"),
        _form(
            "fact",
            "does",
            rf"^(?P<x>(?:The )?{_NP}) (?:returns|takes|computes|creates|prints|allows|provides|stores|"
            r"contains|checks|generates|evaluates|converts|adds|removes|reads|writes|displays|makes)\b",
        ),
        _form("fact", "role", rf"^(?P<x>(?:The |An? )?{_NP}) (?:is|are|can|must|has|have|cannot) \w"),
    ),
    "zh": (
        _form("comparison", "difference", r"^(?:与|和|不同于|相较于|相比于|相比)(?P<x>(?!之)[^，。]{1,16}?)(?<!类似)(?<!相似)(?<!相反)(?:不同|相比)?，(?P<y>[^，。的]{1,14}?)(?:的|是|则|具有|更|无须|不|可|在)"),
        _form("definition", "term", r"^(?:所谓)?[「“]?(?P<x>[^，。：；、「」“”（）的]{1,14})(?:（[^）]{2,40}）)?[」”]?(?:是指|指的是|是一种|是一个|是一类|是一组|是由|是用于|定义为|又称|也称)"),
        _form("definition", "term", r"(?:被称为|称为|称作|称之为|叫作)[「“]?(?P<x>[^，。：；、「」“”（）]{2,14})(?:（[^）]{2,40}）)?[」”]?[，。]"),
        _form("cause", "reason", r"^(?P<x>[^，。]{3,30})的(?:主要)?原因(?:是|在于|如下)"),
        _form("cause", "why", r"^(?:因为|由于)[^。；：]{4,60}?，(?:因此|所以|故(?!障|意|事))(?P<x>[^。；：]{5,60})[。！]$"),
        _form("cause", "why", r"^(?:因为|由于)[^，。]{4,60}，(?P<x>[^，。；：]{5,60})[。！]$"),
        _form("cause", "why", r"^(?P<x>(?![而在且不适])[^。；：，]{5,40})，(?:这是|是)?因为[^。]{4,}"),
        _form("procedure", "how", r"^(?:若要|要想|想要|为了|要)(?P<x>[^，。]{4,40})，(?:我们)?(?:可以|需要|需|首先|应|必须)"),
        _form("fact", "if", r"^(?:如果|若|假如|倘若)(?P<x>[^，。]{4,40})，(?:则|那么|就|我们|会|需|可)"),
        _form("fact", "when", r"^当(?P<x>[^，。]{3,40})时，"),
        _form("fact", "does", r"^(?P<x>[^，。：；、的]{2,14})(?:用于|用来|能够|负责|的作用是|可用于|可以用于)"),
    ),
}  # fmt: skip

ENTRY = {
    "en": re.compile(r"^(?:[-*•] )?\**(?P<x>[A-Za-z“][^:.?!]{1,48}?)\**:\**\s+(?P<y>[A-Z“(].{15,})$", re.S),
    "zh": re.compile(r"^(?:[-*•] )?\**(?P<x>(?:(?!展示|给出|揭示|可以|需要|如下|分别|包括|通常|为了|一个|们)[^：。，？！\s的了是]){2,12}?)(?:（[^）]{2,40}）)?\**：\**(?P<y>[^：]{8,})$", re.S),
}  # fmt: skip
STEPS = re.compile(
    r"\b(?:steps?|how|in order|procedure|algorithm|process)\b|^to\b|步骤|流程|过程|方法|如何", re.I
)
"""An introduction that announces steps: its numbered list is a procedure."""
ITEM = re.compile(r"^\s*(?:[-*•–]|\d+[.)]|[（(]?\d+[）)])\s*")
PRONOUN = re.compile(
    r"^(?:the )?(?:it|this|that|these|those|they|there|he|she|we|you|i|what|which|one|another|some|"
    r"others?|both|each|all|many|most|here|if|when|while|because|since|unless|although|in|on|at|for|to|with|by|from|after|before|during|like|how|why|not|no|nothing|everything|something|anyone|sometimes|often|usually|now|today|once|calling|using|making|and|but|so|or|as|result|first|second|third|last|next|"
    r"former|latter|following|example|rest|idea|problem|answer|question|reason|point|solution|book|"
    r"output|next step|other \w+|same \w*|first \w+|second \w+|third \w+|last \w+|goal)\b"
    r"|[这那它其此该本我你他们]|^(?:而|且|两者|因此|所以|然而|但|而|以上|以下|上述|下面|前者|后者|另|一个|一种|第)",
    re.IGNORECASE,
)
ORDINARY = re.compile(
    r"^(?:The|A|An|In|On|At|If|When|You|We|They|It|This|That|These|Those|There|Some|Many|"
    r"Most|All|Each|Every|One|Two|Three|Both|Because|Since|As|For|To|By|With|Using|"
    r"Unlike|Strings|Lists|Functions|Variables|Programs|Dictionaries|Tuples|Files|"
    r"Methods|Objects|Classes|Modules|Operators|Values|Your|Our|Another|Any|No|Not|"
    r"Even|Only|Most|[A-Z][a-z]{4,}ly)$"
)
"""Words that open a sentence with a capital for no reason of their own."""
