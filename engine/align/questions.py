"""More questions on a draft's point, by a connected teacher.

Which *question* a student is taught by matters more than which explanation (ARTE, table 2), so the
teacher offers several. The exam's guard looks at each: none may nearly repeat an exam question.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from engine.align.items import ChoiceItem, ItemPools, reworded
from engine.align.plan import AlignPlan
from engine.align.rationales import ask_all
from engine.duplicates import near_duplicates
from engine.gates import leans_back
from engine.language import rules
from engine.llm import Chat, Request, user
from engine.progress import Report
from engine.schema import Language, Progress
from engine.text import words

_NUMBER = re.compile(r"^\W*\d*[.)、:：]?\s*")
_LONGEST = 40
"""Words of a question, times the language's scale."""
_TOKENS = 48
"""Answer tokens for each question asked for."""


def drafted(
    teacher: Chat,
    pools: ItemPools,
    exam: Sequence[str],
    plan: AlignPlan,
    language: Language,
    report: Report,
) -> ItemPools:
    """The pools with ``plan.questions - 1`` questions of the teacher on each draft's point.

    Where it offers fewer usable ones, the corpus's own wordings fill up.

    Args:
        teacher: Who writes.
        pools: The items as the corpus has them.
        exam: The exam's questions, which nothing may repeat.
        plan: How many questions.
        language: The course's.
        report: Told every answer.
    """
    wanted = plan.questions - 1
    requests = [_request(item, wanted, language) for item in pools.drafts]
    texts = ask_all(
        teacher,
        requests,
        lambda done: report(Progress(stage="align.questions", done=done, total=len(requests))),
    )
    others: list[ChoiceItem] = []
    forms = pools.forms
    for item, text in zip(pools.drafts, texts, strict=True):
        own = usable(text, item, exam, language)
        others += ([reworded(item, question) for question in own] + forms[item.point][1:])[:wanted]
    return pools.model_copy(update={"others": tuple(others)})


def usable(text: str, item: ChoiceItem, exam: Collection[str], language: Language) -> list[str]:
    """The questions of an answer that can be asked by themselves and give nothing away."""
    found: list[str] = []
    for line in text.splitlines():
        question = _NUMBER.sub("", line).strip()
        fits = 3 <= len(words(question)) <= _LONGEST * rules(language).sizes.scale
        asked = question.endswith(("?", "？")) and not leans_back(question, language)
        known = [item.question, *found]
        if fits and asked and item.answer not in question and not _repeats(question, known):
            found.append(question)
    near = near_duplicates(found, exam)
    return [question for i, question in enumerate(found) if i not in near]


def _repeats(question: str, known: Sequence[str]) -> bool:
    return bool(near_duplicates([question], known))


def _request(item: ChoiceItem, n: int, language: Language) -> Request:
    text = rules(language).says("align")["questions"].strip()
    said = text.format(quote=item.quote, question=item.question, answer=item.answer, n=n)
    return Request(
        messages=user(said), max_tokens=_TOKENS * n, may_be_cut=True, purpose="align.questions"
    )
