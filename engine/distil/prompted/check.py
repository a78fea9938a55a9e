"""The passes after the asking: what is asked of a model about a question and its answer, and read.

Every check is a model's reading of the source; code only compares quotes, numbers and repeats. So
a natural question in the learner's words passes, which a share of common words would refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.distil.prompted.arithmetic import holds_number, value_of
from engine.distil.prompted.values import Gate, Proposal, dialogue_text
from engine.gates import holds_quote
from engine.language import table
from engine.llm import Request, user
from engine.prompts import AnswerPrompt, start_prompt
from engine.schema import Language, Message

_FLAG = {"type": "boolean"}
_STRING = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


QUESTIONS_SCHEMA: dict[str, Any] = _object(
    questions={
        "type": "array",
        "items": _object(self_contained=_FLAG, answerable=_FLAG, same=_FLAG, reason=_STRING),
    }
)
ANSWER_SCHEMA: dict[str, Any] = _object(
    claims={
        "type": "array",
        "items": _object(
            claim=_STRING,
            verdict={"type": "string", "enum": ["entailed", "contradicted", "missing"]},
            quote=_STRING,
        ),
    },
    answers_question=_FLAG,
    alike=_FLAG,
    reason=_STRING,
)


class Verdict(NamedTuple):
    """A proposal after a check: as it goes on, or the gate that took it out and why."""

    proposal: Proposal
    gate: Gate | None = None
    reason: str = ""


def offered(proposal: Proposal) -> Verdict:
    """What code sees at once: enough wordings, and a quote that stands in the source."""
    if len(proposal.questions) < 2:
        return Verdict(proposal, "wordings")
    if proposal.quote and not holds_quote(proposal.quote, proposal.text):
        return Verdict(proposal, "quote", proposal.quote)
    if proposal.kind == "numeric" and value_of(proposal.expression) is None:
        return Verdict(proposal, "computed", proposal.expression)
    return Verdict(proposal)


def questions_request(proposal: Proposal, language: Language) -> Request:
    """The call that looks at a proposal's wordings with the source in view."""
    texts = table(language, "distil")
    numbered = [f"{i}. {question}" for i, question in enumerate(proposal.questions, 1)]
    question = texts["check_questions"].format(
        passage=proposal.text,
        talk=_talk(proposal, language),
        questions="\n".join(numbered),
    )
    return Request(
        messages=user(question.strip(), texts["system"].strip()),
        answer_schema=QUESTIONS_SCHEMA,
        max_tokens=300 + 60 * len(proposal.questions),
        purpose="check",
    )


def _talk(proposal: Proposal, language: Language) -> str:
    if not proposal.turns:
        return ""
    turns = dialogue_text(proposal.turns, language)
    return str(table(language, "distil")["talk"]).format(turns=turns)


def read_questions(proposal: Proposal, data: dict[str, Any]) -> Verdict:
    """The proposal with the wordings that stand; two of them have to."""
    rows = list(zip(proposal.questions, data["questions"], strict=False))
    failed: list[tuple[Gate, str]] = []
    kept = []
    for question, row in rows:
        if gate := _fault(row, unanswerable=proposal.kind == "unanswerable"):
            failed.append((gate, row["reason"].strip()))
        else:
            kept.append(question)
    if len(kept) >= 2:
        return Verdict(proposal.model_copy(update={"questions": tuple(kept)}))
    gate, reason = failed[0] if failed else ("wordings", "")
    return Verdict(proposal, gate, reason)


def _fault(row: dict[str, Any], *, unanswerable: bool) -> Gate | None:
    if not row["self_contained"]:
        return "self_contained"
    if unanswerable and row["answerable"]:
        return "in_book"
    if not unanswerable and not row["answerable"]:
        return "unanswerable"
    return None if row["same"] else "wordings"


def answer_request(proposal: Proposal, language: Language, chosen: AnswerPrompt | None) -> Request:
    """The call that words the answer, by the course's chosen prompt where there is one."""
    texts = table(language, "distil")
    prompt = chosen or _plain("answer", language)
    how = texts["worded"].get(proposal.kind, "").format(wrong=proposal.wrong)
    question = f"{proposal.questions[0]}\n{how}".strip()
    return _answering(prompt, question, proposal, purpose="answer")


def again_request(proposal: Proposal, language: Language) -> Request:
    """The call that answers the last wording anew, not knowing the first answer (round trip)."""
    return _answering(_plain("again", language), proposal.questions[-1], proposal, "round trip")


def _plain(name: str, language: Language) -> AnswerPrompt:
    system = table(language, "distil")[name].strip()
    return AnswerPrompt(system=system, layout=start_prompt(language).layout)


def _answering(prompt: AnswerPrompt, question: str, proposal: Proposal, purpose: str) -> Request:
    messages = prompt.messages(question, [passage.text for passage in proposal.source])
    talk = [
        message
        for turn in proposal.turns
        for message in (
            Message(role="user", content=turn.question),
            Message(role="assistant", content=turn.answer),
        )
    ]
    return Request(messages=(*messages[:-1], *talk, messages[-1]), max_tokens=500, purpose=purpose)


def answer_check_request(proposal: Proposal, language: Language) -> Request:
    """The call that holds the answer, claim by claim, against its source."""
    texts = table(language, "distil")
    talk = dialogue_text(proposal.turns, language)
    question = texts["check_answer"].format(
        passage=proposal.text,
        question="\n".join(part for part in (talk, proposal.questions[0]) if part),
        answer="\n".join([*(turn.answer for turn in proposal.turns), proposal.answer]),
        second=proposal.again,
    )
    return Request(
        messages=user(question.strip(), texts["system"].strip()),
        answer_schema=ANSWER_SCHEMA,
        max_tokens=900,
        purpose="check",
    )


def read_answer_check(proposal: Proposal, data: dict[str, Any]) -> Verdict:
    """The proposal with a quote that supports it, or the gate that its answer fails."""
    reason = data["reason"].strip()
    if not proposal.answer.strip() or not data["answers_question"]:
        return Verdict(proposal, "beside", reason or proposal.answer)
    wrong = next((row for row in data["claims"] if row["verdict"] != "entailed"), None)
    if wrong or not data["claims"]:
        return Verdict(proposal, "unsupported", wrong["claim"].strip() if wrong else reason)
    if not data["alike"]:
        return Verdict(proposal, "round_trip", reason or proposal.again)
    if proposal.kind == "numeric" and not _computed(proposal):
        return Verdict(proposal, "computed", f"{proposal.expression}: {proposal.answer}")
    cited = _cited([proposal.quote, *(row["quote"].strip() for row in data["claims"])], proposal)
    if not cited:
        return Verdict(proposal, "quote", reason)
    return Verdict(proposal.model_copy(update={"cited": cited}))


def _computed(proposal: Proposal) -> bool:
    value = value_of(proposal.expression)
    return value is not None and holds_number(proposal.answer, value)


def _cited(quotes: Sequence[str], proposal: Proposal) -> tuple[str, ...]:
    """Of each passage of the source the first quote that stands in it, in the quotes' order."""
    found: dict[str, str] = {}
    for quote in quotes:
        for passage in proposal.source:
            if holds_quote(quote, passage.text):
                found.setdefault(passage.id, quote)
    return tuple(dict.fromkeys(found.values()))
