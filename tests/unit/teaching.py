"""A teacher model for tests that goes along with everything: the test says what it offers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from engine.llm import Request

Step = Literal["ask", "seeded", "questions", "answer", "claims", "judge", "reword", "reworded"]
Offer = Callable[[str], Sequence[Mapping[str, Any]]]
DIMENSIONS = ("factual_accuracy", "user_satisfaction", "clarity", "condensability", "overall")


def step_of(schema: Mapping[str, Any] | None) -> Step:
    """Which pass a request belongs to, told by the shape that it wants."""
    own = (schema or {}).get("properties", {})
    if "points" in own:
        return "ask"
    if "claims" in own:
        return "claims"
    if "overall" in own:
        return "judge"
    if "rewordings" in own:
        return "reword"
    if "same_answer" in own:
        return "reworded"
    if "questions" in own:
        return "seeded" if "again" in own["questions"]["items"]["properties"] else "questions"
    return "answer"


def tagged(text: str, tag: str) -> str:
    """What stands between a tag's ends, or an empty string."""
    return text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0].strip()


def numbered(text: str) -> list[str]:
    """Lines of a numbered list, without their numbers."""
    return [line.partition(". ")[2] for line in text.splitlines() if line.strip()]


def point(quote: str, questions: Sequence[str], **changes: Any) -> dict[str, Any]:
    """A point as a teacher offers it."""
    values = {"kind": "definition", "level": "remember", "quote": quote, "wrong": ""}
    return values | {"questions": list(questions), "expression": "", "turns": []} | changes


class Agreeable:
    """Offers what ``offer(passage)`` gives, answers by the quote, and finds every check in order.

    ``answers`` (question to answer) are given in place of the quote; ``overall`` is its judgement.
    """

    def __init__(self, offer: Offer, *, overall: int = 8) -> None:
        self.offer, self.overall = offer, overall
        self.answers: dict[str, str] = {}
        self._quotes: dict[str, str] = {}

    def __call__(self, request: Request) -> str:
        messages = [m.model_dump() for m in request.messages]
        return self.reply(messages, request.answer_schema)

    def reply(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any] | None) -> str:
        """The text of the answer to a chat, as an endpoint would give it."""
        text = messages[-1]["content"]
        step = step_of(schema)
        if step == "answer":
            return self._answer(text)
        return json.dumps(getattr(self, f"_{step}")(text), ensure_ascii=False)

    def _ask(self, text: str) -> dict[str, Any]:
        rows = list(self.offer(tagged(text, "passage")))
        for row in rows:
            self._quotes |= dict.fromkeys(row["questions"], row["quote"])
        return {"points": rows, "strategies": []}

    def _seeded(self, text: str) -> dict[str, Any]:
        rows = self._ask(text)["points"]
        found = [
            {"kind": r["kind"], "question": r["questions"][0], "again": r["questions"][-1]}
            for r in rows
        ]
        return {"questions": found}

    def _answer(self, text: str) -> str:
        for known in (self.answers, self._quotes):
            for question, answer in known.items():
                if question and question in text:
                    return answer
        return "I do not know."

    def _questions(self, text: str) -> dict[str, Any]:
        row = {"self_contained": True, "answerable": True, "same": True, "reason": ""}
        return {"questions": [row for _ in numbered(tagged(text, "questions"))]}

    def _claims(self, text: str) -> dict[str, Any]:
        answer = tagged(text, "answer")
        claim = {"claim": answer, "verdict": "entailed", "quote": answer}
        return {"claims": [claim], "answers_question": True, "alike": True, "reason": ""}

    def _reword(self, _text: str) -> dict[str, Any]:
        return {"rewordings": []}

    def _reworded(self, _text: str) -> dict[str, Any]:
        return {"self_contained": True, "same_answer": True, "reason": ""}

    def _judge(self, _text: str) -> dict[str, Any]:
        return {"shortcomings": "None."} | dict.fromkeys(DIMENSIONS, self.overall)
