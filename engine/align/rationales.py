"""Rationales: why the right option is right, asked of the teacher in four styles.

ARTE asks with four hand-written prompts for each task; here four that suit any course. The teacher
is told the right option, so that a weak one cannot teach a wrong answer: only the way there varies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.align.items import ChoiceItem, shown
from engine.align.plan import AlignPlan
from engine.errors import WorkFailed
from engine.llm import Answer, Chat, Request, user
from engine.progress import Report
from engine.schema import Progress, Value

STYLES: dict[str, str] = {
    "rule": "First state the general rule, then say what follows from it.",
    "quote": "First quote the book word for word, then say what follows from the quote.",
    "eliminate": "Say in a few words why each wrong option is wrong, then name the right one.",
    "short": "Give the reason in one short sentence.",
}
"""The instruction of each style."""

NAIVE = "Think step by step."
"""The instruction without any style: what the aligned teacher is asked with (prompt erasure)."""

VARIANTS: dict[str, str] = {
    "naive": NAIVE,
    "beginner": "Explain it to a beginner in one sentence.",
    "words": "Name the words of the question that decide, then the option they point to.",
}
"""Wordings among which the ``prompt`` arm chooses."""

LONGEST = 60
"""Words of a rationale that are kept."""


class Rationale(Value):
    """How the teacher explains an item; ``style`` names the instruction it was asked with."""

    item: str
    style: str
    text: str

    def reply(self, item: ChoiceItem) -> str:
        """What the student should say: the reason, then the right option."""
        return f"{self.text}\nAnswer: {item.answer}".strip()


def write(
    teacher: Chat,
    items: Sequence[ChoiceItem],
    styles: Mapping[str, str],
    plan: AlignPlan,
    report: Report,
) -> list[Rationale]:
    """A rationale of every item in every style; an unusable answer leaves an empty text.

    Raises:
        WorkFailed: the teacher failed on more than half of them.
        TeacherRefused: the endpoint refuses us altogether.
    """
    wanted = [(item, style) for item in items for style in styles]
    answers = ask_all(
        teacher,
        [_request(item, styles[style], plan) for item, style in wanted],
        lambda done: report(Progress(stage="align.write", done=done, total=len(wanted))),
    )
    if sum(not text for text in answers) * 2 > len(wanted):
        raise WorkFailed(
            "The teacher gave no usable reasons for most questions.",
            code="align.teacher",
            next="Test the teacher on its screen, or choose another one.",
        )
    return [
        Rationale(item=item.id, style=style, text=cleaned(text))
        for (item, style), text in zip(wanted, answers, strict=True)
    ]


def ask_all(chat: Chat, requests: Sequence[Request], tell: Callable[[int], None]) -> list[str]:
    """The texts in the order of the requests, empty where a request failed."""
    texts = [""] * len(requests)
    for done, (index, outcome) in enumerate(chat.ask(requests), 1):
        if isinstance(outcome, Answer):
            texts[index] = outcome.text
        tell(done)
    return texts


def prompt_of(item: ChoiceItem, instruction: str) -> str:
    """What the teacher is asked: the item, the book's sentence, the right option, the manner."""
    return (
        f"{shown(item)}\n\nThe book says: “{item.quote}”\nThe right answer is: {item.answer}\n"
        f"Explain in at most two sentences why. {instruction}"
    )


def _request(item: ChoiceItem, instruction: str, plan: AlignPlan) -> Request:
    return Request(
        messages=user(prompt_of(item, instruction)),
        max_tokens=plan.rationale_tokens,
        may_be_cut=True,
        purpose="align.rationale",
    )


def cleaned(text: str) -> str:
    """One paragraph of at most ``LONGEST`` words, without an answer line of its own."""
    words = text.split("Answer:")[0].split()
    return " ".join(words[:LONGEST])
