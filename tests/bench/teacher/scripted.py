"""A scripted teacher that answers from the passage it is shown, with faults planted by a draw.

The *writer* half asks and answers; it notes which fault it planted in which questions (``notes``).
The *checker* half gets texts alone, compares them sentence by sentence with the passage, and never
looks at those notes: what it finds is in the texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

from rapidfuzz.distance import Indel

from engine.language import table
from engine.llm import Request
from engine.schema import content_id
from tests.bench.teacher.tongue import (
    TONGUES,
    Tongue,
    holds,
    plain_sentences,
    terms_of,
    three_terms,
)
from tests.unit.teaching import DIMENSIONS, numbered, step_of, tagged

Fault = Literal[
    "leaning",
    "unanswerable",
    "quote",
    "duplicate",
    "number",
    "negation",
    "swap",
    "invented",
    "other",
]
"""What can be planted: a question that leans on the passage; one that it does not answer; a quote
that is not in it; a question asked before; in the answer a wrong number, a negation, two subjects
changed about, an invented claim, or the answer to another question."""
FAULTS: tuple[Fault, ...] = get_args(Fault)
ReFault = Literal["none", "subject", "leaning", "other", "near"]
"""What can go wrong with a rewording: there is none; it keeps a word of the subject; it leans on the
passage; it asks for another fact; it is a question that was taught elsewhere."""
REFAULTS: tuple[ReFault, ...] = get_args(ReFault)
_ASKING = ("leaning", "unanswerable", "quote", "duplicate")
_LINE = re.compile(r"^\d+\. (\w+) ?[(（](.+?)[)）]", re.MULTILINE)


class Written(NamedTuple):
    """What the writer knows of a question: its passage's sentence, and the fault planted."""

    sentence: str
    fault: Fault | None
    answer: str
    passage: str
    quote: str
    questions: tuple[str, ...]


class ScriptedTeacher:
    """The function behind a ``Scripted`` chat, for a course in one language.

    Args:
        language: Code of the course's language.
        share: Share of questions with a planted fault, the kinds equally often.
        seed: Draws the faults; teachers with other seeds ask in another order and in other words.
    """

    def __init__(self, language: str, share: float = 0.0, seed: int = 0) -> None:
        self.tongue, self.share, self.seed = TONGUES[language], share, seed
        self.peers: tuple[ScriptedTeacher, ...] = (self,)
        """All whose questions it answers as they planned: one teacher answers what all asked."""
        self.notes: dict[tuple[str, ...], Written] = {}
        self.reworded: dict[str, ReFault | None] = {}
        self._seen: dict[str, None] = {}
        self._asked: set[str] = set()

    def __call__(self, request: Request) -> str:
        """The answer to a request.

        Raises:
            AssertionError: a request that no pass makes.
        """
        text = request.messages[-1].content
        step = step_of(request.answer_schema)
        if step == "answer":
            return self._answer([message.content for message in request.messages])
        found: dict[str, Any] = {
            "ask": self._ask,
            "seeded": self._seeded,
            "questions": self._check_questions,
            "claims": self._check_answer,
            "judge": self._judge,
            "reword": self._reword,
            "reworded": self._check_reworded,
        }[step](text)
        return json.dumps(found, ensure_ascii=False)

    def note(self, questions: Sequence[str]) -> Written:
        """What was planned with these questions, or with more of them in this order.

        Raises:
            StopIteration: they are not of this teacher.
        """
        wanted = tuple(questions)
        if wanted in self.notes:
            return self.notes[wanted]
        return next(note for key, note in self.notes.items() if _in_order(wanted, key))

    def _draw(self, *parts: object) -> float:
        return int(content_id(self.seed, *parts), 16) / 16**16

    # ------------------------------------------------------------------ the writer

    def _ask(self, text: str) -> dict[str, Any]:
        passage = tagged(text, "passage")
        kinds = _LINE.findall(text.partition("</passage>")[2])
        rows: list[dict[str, Any]] = []
        levels = {
            said: level for level, said in table(self.tongue.code, "distil")["levels"].items()
        }
        for kind, level in kinds:
            row = self._point(passage, kind, rows, text)
            if row is None:
                break
            rows.append(row | {"level": levels[level]})
        points = [
            {key: row[key] for key in row if key not in ("sentence", "fault")} for row in rows
        ]
        return {"points": points, "strategies": ["a self-quiz"]}

    def _seeded(self, text: str) -> dict[str, Any]:
        passage = tagged(text, "passage") or self._remembered()
        rows: list[dict[str, Any]] = []
        while len(rows) < 5 and (row := self._point(passage, "fact", rows, text)) is not None:
            rows.append(row)
        return {
            "questions": [
                {"kind": "fact", "question": row["questions"][0], "again": row["questions"][-1]}
                for row in rows
            ]
        }

    def _remembered(self) -> str:
        """A passage that it has read before and not asked out, as somebody who knows the course."""
        for passage in self._seen:
            own = plain_sentences(passage, self.tongue)
            if any(s not in self._asked and three_terms(s, own, self.tongue) for s in own):
                return passage
        return ""

    def _point(
        self, passage: str, kind: str, rows: Sequence[Mapping[str, Any]], text: str
    ) -> dict[str, Any] | None:
        """The next question of a passage, with or without a fault; None where there is no more."""
        self._seen.setdefault(passage)
        own = plain_sentences(passage, self.tongue)
        fault = self._fault(passage, len(rows), text)
        if fault == "quote" and not _LINE.search(text.partition("</passage>")[2]):
            # CourseGPT-zh's calls want no quote
            fault = None
        used = {row["sentence"] for row in rows}
        if fault == "duplicate" and rows and rows[-1]["fault"] is None:
            return self._again(rows[-1], passage)
        for sentence in sorted(own, key=lambda s: self._draw("order", s)):
            terms = three_terms(sentence, own, self.tongue)
            if terms and sentence not in used and sentence not in self._asked:
                self._asked.add(sentence)
                planted = None if fault == "duplicate" else fault
                if kind == "unanswerable" and planted not in ("leaning", "quote"):
                    planted = None  # its answer is not the teacher's
                return self._row(sentence, terms, kind, planted, passage, own)
        return None

    def _fault(self, *parts: object) -> Fault | None:
        if self._draw("faulty", *parts) >= self.share:
            return None
        faults = (*FAULTS, "duplicate")  # it needs a sound question before it, so it fails often
        return faults[int(self._draw("which", *parts) * len(faults))]

    def _again(self, row: Mapping[str, Any], passage: str) -> dict[str, Any]:
        """The point before once more, its wordings in another order."""
        questions = [*row["questions"][2:], *row["questions"][:2]]
        return self._noted(
            row["sentence"], "duplicate", passage, row["quote"], questions, row["kind"]
        )

    def _row(
        self,
        sentence: str,
        terms: tuple[str, str, str],
        kind: str,
        fault: Fault | None,
        passage: str,
        own: tuple[str, ...],
    ) -> dict[str, Any]:
        tongue = self.tongue
        names = dict(zip("abc", terms, strict=True))
        forms = tongue.wordings
        wrong, turns = "", []
        if fault == "leaning":
            forms = tongue.leaning
        elif fault == "unanswerable" or kind == "unanswerable":
            forms = tongue.strangers
            names["alien"] = tongue.aliens[int(self._draw(sentence) * len(tongue.aliens))]
        elif kind == "misconception" and (turned := _negated(sentence, tongue)):
            forms, wrong = tongue.beliefs, turned
            names["wrong"] = wrong
        if kind == "dialogue" and fault is None and (other := _other(sentence, own, tongue)):
            asked = tongue.wordings[0].format(**dict(zip("abc", other[1], strict=True)))
            turns = [{"question": asked, "answer": other[0]}]
        questions = self._in_own_words([form.format(**names) for form in forms])
        quote = _spoiled(sentence, tongue) if fault == "quote" else sentence
        fits = kind if kind != "numeric" and (wrong or kind != "misconception") else "fact"
        row = self._noted(sentence, fault, passage, quote, questions, fits, wrong)
        return row | {"turns": turns}

    def _in_own_words(self, questions: list[str]) -> list[str]:
        """A second teacher begins with another wording, and has a way of its own to end."""
        if not self.seed:
            return questions
        return [question + self.tongue.manner for question in (*questions[2:], *questions[:2])]

    def _noted(
        self,
        sentence: str,
        fault: Fault | None,
        passage: str,
        quote: str,
        questions: Sequence[str],
        kind: str,
        wrong: str = "",
    ) -> dict[str, Any]:
        answer, planted = self._worded(sentence, fault, passage, wrong)
        note = Written(sentence, planted, answer, passage, quote, tuple(questions))
        self.notes[tuple(questions)] = note
        return {
            "kind": kind,
            "level": "understand",
            "quote": quote,
            "questions": list(questions),
            "wrong": wrong,
            "expression": "",
            "turns": [],
            "sentence": sentence,
            "fault": planted,
        }

    def _worded(
        self, sentence: str, fault: Fault | None, passage: str, wrong: str
    ) -> tuple[str, Fault | None]:
        """The answer, and the fault that is really in it (a number needs one in the sentence)."""
        tongue = self.tongue
        own = plain_sentences(passage, tongue)
        said, planted = sentence, fault
        if fault == "number":
            said = re.sub(r"\d+", lambda m: str(int(m[0]) + 3), sentence, count=1)
        elif fault == "swap":
            said = _swapped(sentence, tongue)
        elif fault == "other":
            said = next((s for s in own if s != sentence), sentence)
        if fault == "negation" or (fault in ("number", "swap", "other") and said == sentence):
            turned = _negated(sentence, tongue)
            said, planted = (turned, "negation") if turned else (sentence, "invented")
        said = _reworded(said, tongue) if self._draw("reword", sentence) < 0.5 else said
        if planted == "invented":
            extra = tongue.invented[int(self._draw("extra", sentence) * len(tongue.invented))]
            said = f"{said}{'' if tongue.code == 'zh' else ' '}{extra}"
        lead = tongue.leads[int(self._draw("lead", sentence) * len(tongue.leads))]
        named = wrong and planted != "other"
        return (tongue.wrong.format(wrong=wrong) if named else lead) + said, planted

    def _answer(self, contents: Sequence[str]) -> str:
        """What the writer planned; asked anew, the sentence that has the question's terms."""
        text = contents[-1]
        asked = re.split(r"Question: |问题：", text)[-1]
        if not _is_first(contents[0]):
            return self._best(asked, text)
        for note in (note for peer in self.peers for note in peer.notes.values()):
            question = next((q for q in note.questions if q in asked), "-")
            if question == note.questions[0] and note.sentence in text:
                return note.answer
        return self.tongue.nothing

    def _best(self, question: str, text: str) -> str:
        passage = text.rpartition("\n\n")[0]
        own = plain_sentences(passage, self.tongue)
        found = _asked_for(question, own, self.tongue)
        return found if found else self.tongue.nothing

    def _reword(self, text: str) -> dict[str, Any]:
        """The question in words that nobody else uses, or with one of the faults (``REFAULTS``)."""
        tongue, passage = self.tongue, tagged(text, "passage")
        own = plain_sentences(passage, tongue)
        question = tagged(text, "question")
        sentence = _asked_for(question, own, tongue)
        terms = three_terms(sentence, own, tongue) if sentence else None
        fault: ReFault | None = None
        if self._draw("refaulty", question) < self.share:
            fault = REFAULTS[int(self._draw("rewhich", question) * len(REFAULTS))]
        if not terms or fault == "none":
            return {"rewordings": []}
        said = tongue.colloquial.format(*map(_hidden, terms))
        if fault == "subject":
            said = tongue.colloquial.format(terms[0], *map(_hidden, terms[1:]))
        elif fault == "leaning":
            said = tongue.leaning[0].format(a=_hidden(terms[0]), b="", c="")
        elif fault == "other" and (other := _other(sentence, own, tongue)):
            said = tongue.colloquial.format(*map(_hidden, other[1]))
        elif fault == "near":
            rest = (n.questions[0] for n in self.notes.values() if n.passage != passage)
            said = next((q for q in rest if not any(holds(q, t) for t in terms)), said)
        self.reworded[said] = (
            None if said == tongue.colloquial.format(*map(_hidden, terms)) else fault
        )
        return {"rewordings": [said]}

    # ------------------------------------------------------------------ the checker

    def _check_reworded(self, text: str) -> dict[str, Any]:
        tongue = self.tongue
        own = plain_sentences(tagged(text, "passage"), tongue)
        question = tagged(text, "reworded")
        about = {_claim(s, own, tongue)["about"] for s in _claims(tagged(text, "answer"), tongue)}
        said = set(re.split(r"[\s,、，:?]+", question))
        meant = [term for s in own for term in terms_of(s, tongue) if _hidden(term) in said]
        asked = next((s for s in own if meant and all(holds(s, t) for t in meant)), "")
        return {
            "self_contained": bool(meant) and not _leans(question, tongue),
            "same_answer": asked in about,
            "reason": "" if asked in about else "it asks for something else",
        }

    def _check_questions(self, text: str) -> dict[str, Any]:
        own = plain_sentences(tagged(text, "passage"), self.tongue)
        questions = numbered(tagged(text, "questions"))
        found = [_asked_for(question, own, self.tongue) for question in questions]
        return {
            "questions": [
                {
                    "self_contained": not _leans(question, self.tongue),
                    "answerable": bool(sentence),
                    "same": sentence == found[0],
                    "reason": "" if sentence else "no sentence of the passage says so",
                }
                for question, sentence in zip(questions, found, strict=True)
            ]
        }

    def _check_answer(self, text: str) -> dict[str, Any]:
        own = plain_sentences(tagged(text, "passage"), self.tongue)
        question = tagged(text, "question").splitlines()[-1]
        answer, second = tagged(text, "answer"), tagged(text, "second")
        claims = [_claim(said, own, self.tongue) for said in _claims(answer, self.tongue)]
        asked = _asked_for(question, own, self.tongue)
        other = _claim(second, own, self.tongue)
        about = {row["about"] for row in claims}
        return {
            "claims": [{k: row[k] for k in ("claim", "verdict", "quote")} for row in claims],
            "answers_question": asked in about,
            "alike": other["about"] in about and other["verdict"] == "entailed",
            "reason": "" if asked in about else "it answers another question",
        }

    def _judge(self, text: str) -> dict[str, Any]:
        own = plain_sentences(tagged(text, "passage"), self.tongue)
        claims = [_claim(s, own, self.tongue) for s in _claims(tagged(text, "answer"), self.tongue)]
        right = all(row["verdict"] == "entailed" for row in claims)
        scores = dict.fromkeys(DIMENSIONS, 9 if right else 3)
        return {"shortcomings": "none" if right else "a claim is wrong"} | scores


def _hidden(term: str) -> str:
    """A word of the same meaning that stands in no book: the letters moved, Chinese ones far off."""
    return "".join(
        chr((ord(c) - 97 + 13) % 26 + 97) if "a" <= c <= "z" else chr(0x3400 + ord(c) % 0x1900)
        for c in term.lower()
        if c.isalpha()
    )


def _in_order(some: Sequence[str], all_: Sequence[str]) -> bool:
    rest = iter(all_)
    return all(one in rest for one in some)


def _is_first(system: str) -> bool:
    """Whether the system prompt is not the one by which a question is answered anew."""
    return "If the passage does not hold" not in system and "若原文没有答案" not in system


def _asked_for(question: str, own: tuple[str, ...], tongue: Tongue) -> str:
    """The sentence of a passage that answers a question; empty where none does."""
    said = re.findall(r"“([^”]*)”", question)
    if said and len(said[0]) > 12:  # a statement to be judged, not a term
        row = _claim(said[0], own, tongue)
        return str(row["about"]) if row["verdict"] != "missing" else ""
    terms = said or list(terms_of(question, tongue))
    return next((s for s in own if terms and all(holds(s, t) for t in terms)), "")


def _leans(question: str, tongue: Tongue) -> bool:
    outside = re.sub(r"“[^”]*”", "", question)
    return bool(re.search(tongue.leans, outside, re.IGNORECASE))


def _claims(answer: str, tongue: Tongue) -> list[str]:
    """An answer cut into statements; what is said to be wrong is one of them."""
    wrong = re.match(tongue.wrong_said, answer)
    head = [wrong[0]] if wrong else []
    rest = answer[wrong.end() :] if wrong else answer
    ends = r"(?<=。)|\n" if tongue.code == "zh" else r"(?<=[.!?])\s+(?=[A-Z])|\n"
    return [*head, *(part.strip() for part in re.split(ends, rest) if part.strip())]


def _claim(said: str, own: tuple[str, ...], tongue: Tongue) -> dict[str, str]:
    """A statement's verdict by the sentence of the passage that is most like it."""
    if wrong := re.match(tongue.wrong_said, said):
        inner = _claim(wrong[1], own, tongue)
        verdict = "entailed" if inner["verdict"] == "contradicted" else "contradicted"
        return inner | {"claim": said, "verdict": verdict}
    for lead in tongue.leads:
        said = said.removeprefix(lead)
    if not own:
        return {"claim": said, "verdict": "missing", "quote": "", "about": ""}
    mine = _units(said, tongue)
    best = max(own, key=lambda s: Indel.normalized_similarity(mine, _units(s, tongue)))
    verdict = _verdict(said, best, tongue)
    quote = best if verdict == "entailed" else ""
    return {"claim": said, "verdict": verdict, "quote": quote, "about": best}


def _verdict(said: str, best: str, tongue: Tongue) -> str:
    mine, theirs = _units(said, tongue), _units(best, tongue)
    new = [unit for unit in mine if unit not in theirs]
    if len(new) > 0.35 * len(mine):
        return "missing"
    if re.findall(r"\d+", said) != re.findall(r"\d+", best):
        return "contradicted"
    if _count(said, tongue) != _count(best, tongue):
        return "contradicted"
    if new:
        return "missing"
    rest = iter(theirs)
    return "entailed" if all(unit in rest for unit in mine) else "contradicted"


def _count(text: str, tongue: Tongue) -> int:
    return len(re.findall(tongue.negations, text, re.IGNORECASE))


@cache
def _units(text: str, tongue: Tongue) -> tuple[str, ...]:
    """Words (characters in Chinese) with paraphrases levelled."""
    text = text.lower()
    for book, other in tongue.same:
        text = text.replace(other, book)
    if tongue.code == "zh":
        return tuple(c for c in text if c.isalnum())
    return tuple(re.findall(r"[a-z0-9]+(?:['’][a-z]+)?", text))


def _negated(sentence: str, tongue: Tongue) -> str:
    """The sentence with its first fitting verb turned round; empty where none is found."""
    for plain, turned in tongue.negate:
        if turned in sentence:
            return sentence.replace(turned, plain, 1)
    for plain, turned in tongue.negate:
        if plain in sentence and not re.search(tongue.negations, sentence):
            return sentence.replace(plain, turned, 1)
    return ""


def _swapped(sentence: str, tongue: Tongue) -> str:
    terms = terms_of(sentence, tongue)
    one, other = terms[0], terms[-1]
    if one == other or holds(one, other) or holds(other, one):
        return sentence
    return sentence.replace(one, "\0").replace(other, one).replace("\0", other)


def _spoiled(sentence: str, tongue: Tongue) -> str:
    """A quote that nobody finds: the sentence without its middle."""
    cut = len(sentence) // 3
    return sentence[:cut] + sentence[2 * cut :]


def _reworded(sentence: str, tongue: Tongue) -> str:
    """The sentence in other words that mean the same."""
    for book, other in tongue.same:
        if tongue.code == "zh":
            sentence = sentence.replace(book, other)
        else:
            sentence = re.sub(rf"\b{book}\b", other, sentence)
    return sentence


def _other(
    sentence: str, own: tuple[str, ...], tongue: Tongue
) -> tuple[str, tuple[str, str, str]] | None:
    """Another sentence of the passage that can be asked about, with its terms."""
    for other in own:
        if other != sentence and (terms := three_terms(other, own, tongue)):
            return other, terms
    return None
