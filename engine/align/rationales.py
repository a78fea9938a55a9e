"""Rationales: why the right option is right, asked of the teacher in four styles.

ARTE asks with four hand-written prompts for each task; here four that suit any course (their words
are the language's, ``align.toml``). The teacher is told the right option, so that a weak one cannot
teach a wrong answer: only the way there varies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from engine.align.items import ChoiceItem, listed
from engine.align.plan import AlignPlan
from engine.errors import WorkFailed
from engine.language import rules
from engine.llm import Answer, Chat, Request, user
from engine.progress import Report
from engine.schema import Language, Progress, Value
from engine.text import sentences, words
from engine.tutor.faithful import supported

LONGEST = 60
"""Words of a rationale that are kept, times the language's scale."""


_MARK = re.compile(r"^[-*•\d.)、\s]+")
"""The mark of a list in front of a text."""


class Rationale(Value):
    """How the teacher explains an item; ``style`` names the instruction it was asked with.

    Without ``text`` there is no explanation (the arm ``plain``, or an unusable answer).
    """

    item: str
    style: str
    text: str


def styles_of(language: Language) -> Mapping[str, str]:
    """The instruction of each style, by its name."""
    return rules(language).says("align", "styles")


def variants_of(language: Language) -> Mapping[str, str]:
    """Wordings among which the ``prompt`` arm chooses, by their names."""
    return rules(language).says("align", "variants")


def naive(language: Language) -> str:
    """The instruction without any style: the aligned teacher is asked with it (prompt erasure)."""
    return rules(language).says("align")["naive"]


def write(
    teacher: Chat,
    items: Sequence[ChoiceItem],
    styles: Mapping[str, str],
    plan: AlignPlan,
    language: Language,
    report: Report,
    *,
    strict: bool = False,
) -> list[Rationale]:
    """A rationale of every item in every style; an unusable answer leaves an empty text.

    ``strict`` is for a teacher as weak as the student, see ``cleaned``.

    Raises:
        WorkFailed: the teacher failed on more than half of them.
        TeacherRefused: the endpoint refuses us altogether.
    """
    wanted = [(item, style) for item in items for style in styles]
    answers = ask_all(
        teacher,
        [_request(item, styles[style], plan, language) for item, style in wanted],
        lambda done: report(Progress(stage="align.write", done=done, total=len(wanted))),
    )
    if sum(not text for text in answers) * 2 > len(wanted):
        raise WorkFailed(
            "The teacher gave no usable reasons for most questions.",
            code="align.teacher",
            next="Test the teacher on its screen, or choose another one.",
        )
    return [
        Rationale(item=item.id, style=style, text=cleaned(text, item, language, strict=strict))
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


def prompt_of(item: ChoiceItem, instruction: str, language: Language) -> str:
    """What the teacher is asked: the item, the book's sentence, the right option, the manner."""
    text = rules(language).says("align")["explain"].strip()
    return text.format(
        question=item.question,
        options=listed(item),
        quote=item.quote,
        answer=item.answer,
        manner=instruction,
    )


def _request(item: ChoiceItem, instruction: str, plan: AlignPlan, language: Language) -> Request:
    return Request(
        messages=user(prompt_of(item, instruction, language)),
        max_tokens=plan.rationale_tokens,
        may_be_cut=True,
        purpose="align.rationale",
    )


def cleaned(text: str, item: ChoiceItem, language: Language, *, strict: bool = False) -> str:
    """The whole sentences that add something to the answer, as one paragraph; perhaps none.

    A sentence that only announces or repeats the answer explains nothing: four in five of the
    built-in model's are such. ``strict`` also drops what the book's sentence does not bear out, and
    what names another option: weak models list the wrong ones as if they were right.
    """
    own = rules(language)
    kept: list[str] = []
    fewest = _NEW * own.sizes.scale
    for sentence in sentences(_MARK.sub("", " ".join(text.split())), language):
        whole = sentence.rstrip("”\"')）").endswith((*".!?。！？", own.stop))
        longer = own.joiner.join([*kept, sentence])
        if not whole or len(words(longer)) > LONGEST * own.sizes.scale:
            break
        adds = _new_words(sentence, item, language) >= fewest
        if adds and (not strict or _founded(sentence, item)):
            kept.append(sentence)
    return own.joiner.join(kept)


def _founded(sentence: str, item: ChoiceItem) -> bool:
    wrong = [option.rstrip(".。") for option in item.options if option != item.answer]
    named = any(option.lower() in sentence.lower() for option in wrong)
    return not named and supported(sentence, f"{item.quote}\n{item.answer}", item.question)


_NEW = 3
"""Words that a sentence must add to question and answer, times the language's scale."""


def _new_words(sentence: str, item: ChoiceItem, language: Language) -> int:
    announces = rules(language).pattern("align", "marks", "announces", flags=re.IGNORECASE)
    said = announces.sub("", sentence) if announces else sentence
    return len({*words(said)} - {*words(f"{item.question}\n{item.answer}")})
