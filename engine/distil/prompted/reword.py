"""The exam's natural part by a model: taught facts as a learner asks who has not the book's words.

Template wordings share the subject's words with what is trained, so a lookup without a model finds
the answer. Here the teacher asks for a taught fact without naming its subject. Code sees to it that
no word of the subject is left and that nothing taught nearly repeats the question (the guard would
take it out of training); a model, with the source at hand, that the answer is still the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from engine.corpus import nearest_pairs
from engine.distil.prompted.values import EXAMPLES, GateExample
from engine.duplicates import near_duplicates
from engine.errors import TeacherError
from engine.gates import holds_quote
from engine.judge import interval
from engine.language import rules, table
from engine.llm import Answer, Chat, Request, user
from engine.schema import Figure, Language, Pair, PairKind, Passage, Value, content_id
from engine.text import question_words, search_terms

KINDS: tuple[PairKind, ...] = (
    "definition",
    "cause",
    "comparison",
    "procedure",
    "enumeration",
    "fact",
)
"""Kinds whose answer is an answer without the book's wording of the question."""
NEAR = 0.85
"""Likeness to a taught question from which on a rewording is refused: well below that at which the
guard takes the taught one out (``duplicates.SAME``), so that a rewording costs no training."""
TRIES = 3
"""Points that are tried at most for each rewording that is wanted."""
_OFFERED, _LONGEST = 2, 300
_COMMON = 0.1
"""Share of the points from which on a word names no one's subject."""
Gate = Literal["no_rewording", "subject_word", "near_question", "self_contained", "other_answer"]
"""``no_rewording``: the teacher found none; ``subject_word``: it keeps a word of the subject;
``near_question``: something taught, or another rewording, asks nearly the same; ``self_contained``:
not understandable by itself; ``other_answer``: the answer is not the answer to it."""
_FLAG, _STRING = {"type": "boolean"}, {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


ASK_SCHEMA = _object(rewordings={"type": "array", "items": _STRING})
CHECK_SCHEMA = _object(self_contained=_FLAG, same_answer=_FLAG, reason=_STRING)


class Rewordings(Value):
    """What became of the rewordings: ``asked`` equals ``made``, ``lost`` and ``removed`` together.

    ``lookup`` is the share of those made for which a lookup without a model, by the nearest trained
    question, finds the very fact; None where none was made.
    """

    wanted: int = 0
    asked: int = 0
    made: int = 0
    lost: int = 0
    calls: int = 0
    removed: dict[str, int] = {}
    examples: dict[str, tuple[GateExample, ...]] = {}
    lookup: Figure | None = None


class Taught(NamedTuple):
    """A point that is trained on: its pairs, the passage behind it, the stems of its subject."""

    pairs: tuple[Pair, ...]
    passage: str
    subject: frozenset[str]


class Rewording:
    """One run: ``made`` are the exam pairs, ``told()`` the account.

    Args:
        pairs: All pairs of the course as they will be in use.
        passages: Section id to its passages.
        language: The course's.
        teacher: Who rewords.
        checker: Who checks with the source.
        wanted: How many rewordings.
        report: Called before each wave with how many are made.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        passages: Mapping[str, Sequence[Passage]],
        language: Language,
        *,
        teacher: Chat,
        checker: Chat,
        wanted: int,
        report: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._language, self._teacher, self._checker = language, teacher, checker
        self._wanted, self._report = wanted, report
        live = [pair for pair in pairs if pair.status != "rejected"]
        self._trained = [pair for pair in live if pair.split == "train"]
        self._taught = [pair.question for pair in live if pair.split != "exam"]
        self._queue = taught_points(live, passages, language)[: TRIES * wanted]
        self._asked = self._lost = self._calls = 0
        self._removed: Counter[str] = Counter()
        self._examples: dict[str, list[GateExample]] = {}
        self.made: list[Pair] = []

    def run(self) -> list[Pair]:
        """Ask, wave by wave, until enough are made or the points are tried."""
        while self._queue and len(self.made) < self._wanted:
            self._report(len(self.made))
            n = self._wanted - len(self.made)
            wave, self._queue = self._queue[:n], self._queue[n:]
            self._wave(wave)
        return self.made

    def told(self) -> Rewordings:
        """The account of all that was asked."""
        found = [(pair, nearest_pairs(pair.question, self._trained, 1)) for pair in self.made]
        same = [float(any(near.point == pair.point for near in own)) for pair, own in found]
        return Rewordings(
            wanted=self._wanted,
            asked=self._asked,
            made=len(self.made),
            lost=self._lost,
            calls=self._calls,
            removed=dict(self._removed),
            examples={gate: tuple(some) for gate, some in self._examples.items()},
            lookup=interval(same) if same else None,
        )

    def _wave(self, wave: Sequence[Taught]) -> None:
        requests = [ask_request(point, self._language) for point in wave]
        offered = self._offered(wave, self._ask(self._teacher, requests))
        checks = [check_request(point, text, self._language) for point, text in offered]
        for (point, text), said in zip(offered, self._ask(self._checker, checks), strict=True):
            if isinstance(said, TeacherError):
                self._lost += 1
            elif gate := _fault(said.data):
                self._refuse(gate, point, text, said.data["reason"].strip())
            else:
                self.made.append(self._pair(point, text))

    def _offered(
        self, wave: Sequence[Taught], outcomes: Sequence[Answer | TeacherError]
    ) -> list[tuple[Taught, str]]:
        """The first rewording of each point that code lets through."""
        found: list[tuple[Taught, str]] = []
        self._asked += len(wave)
        for point, outcome in zip(wave, outcomes, strict=True):
            if isinstance(outcome, TeacherError):
                self._lost += 1
                continue
            others = [text for _, text in found] + [pair.question for pair in self.made]
            texts = [text.strip() for text in outcome.data["rewordings"][:_OFFERED]]
            gates = [(text, self._gate(point, text, others)) for text in texts]
            fit = next((text for text, gate in gates if gate is None), "")
            if fit:
                found.append((point, fit))
            else:
                text, gate = gates[0] if gates else ("", None)
                self._refuse(gate or "no_rewording", point, text, "")
        return found

    def _gate(self, point: Taught, text: str, others: Sequence[str]) -> Gate | None:
        if not text or len(text) > _LONGEST:
            return "no_rewording"
        if held(point.subject, text, self._language):
            return "subject_word"
        near = near_duplicates([text], [*self._taught, *others], NEAR)
        return "near_question" if near else None

    def _refuse(self, gate: Gate, point: Taught, text: str, reason: str) -> None:
        self._removed[gate] += 1
        kept = self._examples.setdefault(gate, [])
        if len(kept) < EXAMPLES:
            question = text or point.pairs[0].question
            section = point.pairs[0].section
            kept.append(GateExample(question=question, reason=reason, section=section))

    def _ask(self, chat: Chat, requests: Sequence[Request]) -> list[Answer | TeacherError]:
        found = dict(chat.ask(requests))
        self._calls += len(requests)
        return [found[i] for i in range(len(requests))]

    def _pair(self, point: Taught, text: str) -> Pair:
        first = point.pairs[0]
        return first.model_copy(
            update={
                "id": content_id("reworded by a model", first.point, text),
                "question": text,
                "split": "exam",
                "part": "natural",
                "status": "proposed",
                "reviewed": False,
                "edited": False,
                "statements": (),
                "scores": {},
                "teacher": self._teacher.model,
            }
        )


def taught_points(
    live: Sequence[Pair], passages: Mapping[str, Sequence[Passage]], language: Language
) -> list[Taught]:
    """The points that are trained on and nothing else, one a section before any has two.

    Args:
        live: Pairs that are not rejected.
        passages: Section id to its passages.
        language: The course's.
    """
    own: dict[str, list[Pair]] = {}
    for pair in live:
        own.setdefault(pair.point, []).append(pair)
    fit = [some for some in own.values() if _fits(some) and some[0].section in passages]
    fit.sort(key=lambda some: content_id("reword", some[0].point))
    turn: Counter[str] = Counter()
    order = []
    for some in fit:
        turn[some[0].section] += 1
        order.append((turn[some[0].section], some))
    fit = [some for _, some in sorted(order, key=lambda row: row[0])]
    common = _common([[pair.question for pair in some] for some in fit], language)
    return [_taught(some, passages[some[0].section], common, language) for some in fit]


def _fits(pairs: Sequence[Pair]) -> bool:
    """Whether a point is for training alone, of a kind that can be asked otherwise, and cited.

    An earlier run's rewording of it does not count.
    """
    own = [pair for pair in pairs if pair.part != "natural"]
    return (
        bool(own)
        and all(pair.split == "train" and pair.kind in KINDS for pair in own)
        and bool(own[0].evidence)
    )


def _taught(
    pairs: Sequence[Pair], passages: Sequence[Passage], common: Collection[str], language: Language
) -> Taught:
    own = tuple(pair for pair in pairs if pair.part != "natural")
    quote = own[0].evidence[0].quote
    passage = next((p for p in passages if holds_quote(quote, p.text)), passages[0])
    subject = subject_of([pair.question for pair in own], common, language)
    return Taught(own, passage.text, subject)


def subject_of(
    questions: Sequence[str], common: Collection[str], language: Language
) -> frozenset[str]:
    """The stems of what wordings of one question ask about: those that half of them hold.

    Words that many of a course's questions hold (``common``) are left out where others remain.
    """
    counts = Counter(term for question in questions for term in _content(question, language))
    shared = frozenset(term for term, n in counts.items() if 2 * n >= len(questions))
    found = shared or frozenset(counts)
    return found - frozenset(common) or found


def _common(questions: Sequence[Sequence[str]], language: Language) -> frozenset[str]:
    """Stems that the questions of so many points hold that they set none of them apart."""
    counts = Counter(
        term
        for own in questions
        for term in frozenset(t for question in own for t in _content(question, language))
    )
    return frozenset(term for term, n in counts.items() if n > max(5, _COMMON * len(questions)))


def _content(text: str, language: Language) -> frozenset[str]:
    return frozenset(search_terms(text, language)) - _idle(language)


@cache
def _idle(language: Language) -> frozenset[str]:
    own = [*table(language, "exam")["idle"].split(), *question_words()]
    return frozenset(stem for word in own for stem in search_terms(word, language))


def held(subject: Collection[str], text: str, language: Language) -> frozenset[str]:
    """The stems of the subject that a text holds; without blanks, wherever it holds them."""
    if rules(language).spaced:
        return frozenset(subject) & frozenset(search_terms(text, language))
    return frozenset(term for term in subject if term in text.lower())


def ask_request(point: Taught, language: Language) -> Request:
    """The call that asks for a fact in other words."""
    texts, first = table(language, "distil"), point.pairs[0]
    question = texts["reword"].format(
        passage=point.passage,
        question=first.question,
        answer=first.answer,
        n=_OFFERED,
        avoid=texts["comma"].join(_written(point, language)),
    )
    return Request(
        messages=user(question.strip(), texts["system"].strip()),
        answer_schema=ASK_SCHEMA,
        max_tokens=300,
        temperature=0.7,
        purpose="reword",
    )


def _written(point: Taught, language: Language) -> list[str]:
    """The subject's words as the questions write them."""
    if not rules(language).spaced:
        return sorted(point.subject)
    told = " ".join(pair.question for pair in point.pairs).split()
    plain = dict.fromkeys(word.strip(".,:;?!()\"“”'").lower() for word in told)
    return [word for word in plain if held(point.subject, word, language)]


def check_request(point: Taught, text: str, language: Language) -> Request:
    """The call that holds a rewording against the fact and its source."""
    texts, first = table(language, "distil"), point.pairs[0]
    question = texts["check_reworded"].format(
        passage=point.passage, taught=first.question, answer=first.answer, question=text
    )
    return Request(
        messages=user(question.strip(), texts["system"].strip()),
        answer_schema=CHECK_SCHEMA,
        max_tokens=200,
        purpose="check",
    )


def _fault(data: Mapping[str, Any]) -> Gate | None:
    if not data["self_contained"]:
        return "self_contained"
    return None if data["same_answer"] else "other_answer"
