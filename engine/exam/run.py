"""Every examinee asked every exam question, from memory and with the book at hand.

Every answer is asked for once (the ledger keeps it), so an exam that was killed goes on where it
stood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.errors import Missing, TeacherError
from engine.exam.baselines import by_book, by_lookup
from engine.exam.contrast import Sitter
from engine.exam.marks import marked
from engine.exam.points import points_met
from engine.exam.report import ExamReport, Graded, summarise
from engine.judge import judge_by_reference
from engine.llm import Chat, Request
from engine.progress import Report, silent
from engine.prompts import AnswerPrompt
from engine.schema import Pair, Progress
from engine.search import Index
from engine.tutor import closed_book, open_book, shown_for

ANSWER_TOKENS = 80


def examine(
    models: Mapping[str, Chat],
    pairs: Sequence[Pair],
    *,
    index: Index | None,
    trained: Sequence[Pair] = (),
    chapters: Mapping[str, str] | None = None,
    prompt: AnswerPrompt | None = None,
    judge: Chat | None = None,
    beside: Sequence[Sitter] = (),
    report: Report = silent,
) -> ExamReport:
    """Ask every model every exam question, with and without the book, and compare.

    Beside the models stand the baselines: ``lookup`` where there are training pairs, from memory,
    and ``book`` where there is an index, with the book at hand.

    Args:
        models: Name to model; ``base`` and ``student`` are compared where both are there.
        pairs: Exam pairs (those of other splits are refused by assertion).
        index: The passages for the rows with retrieval; None leaves these rows out.
        trained: What the student was trained on, for the row of the lookup.
        chapters: Section id to chapter title, for the figures by chapter.
        prompt: The course's prompt for the rows with retrieval; None is the start.
        judge: Marks every answer right, partly or wrong by the book's; None leaves marks out.
        beside: Others who sit the same questions, such as the student by another prompt.
        report: Called as answers come.

    Raises:
        Missing: there are no exam pairs.
    """
    if not pairs:
        raise Missing(
            "This course has no exam questions.",
            code="exam.none",
            next="Make a larger corpus, so that some questions can be kept for the exam.",
        )
    assert all(pair.split == "exam" for pair in pairs)
    books = (False, True) if index else (False,)
    sitters = [Sitter(name, models[name], book, prompt) for name in models for book in books]
    sitters += [sitter for sitter in beside if index or not sitter.book]
    total = len(sitters) * len(pairs)
    answers: list[Graded] = []
    failed = 0
    for number, (name, chat, book, own) in enumerate(sitters):
        given = _ask(chat, pairs, index if book else None, own, number * len(pairs), total, report)
        failed += sum(text is None for text in given)
        answers += _grade(name, book, pairs, given)
    answers += _without_model(pairs, trained, index)
    if judge:
        answers = marked(judge, pairs, answers)
    found = summarise(pairs, answers, failed, chapters or {})
    return found.model_copy(update={"unmarked": _unmarked(answers) if judge else 0})


def _unmarked(answers: Sequence[Graded]) -> int:
    return sum(answer.mark is None for answer in answers)


def _without_model(
    pairs: Sequence[Pair], trained: Sequence[Pair], index: Index | None
) -> list[Graded]:
    lookup = _grade("lookup", False, pairs, by_lookup(pairs, trained)) if trained else []
    return lookup + (_grade("book", True, pairs, by_book(pairs, index)) if index else [])


def _ask(
    chat: Chat,
    pairs: Sequence[Pair],
    index: Index | None,
    prompt: AnswerPrompt | None,
    before: int,
    total: int,
    report: Report,
) -> list[str | None]:
    given: list[str | None] = [None] * len(pairs)
    requests = (_request(pair, index, prompt) for pair in pairs)
    for done, (i, outcome) in enumerate(chat.ask(requests), 1):
        given[i] = None if isinstance(outcome, TeacherError) else outcome.text.strip()
        message = f"{chat.model}: {pairs[i].question}"
        report(Progress(stage="answers", done=before + done, total=total, message=message))
    return given


def _request(pair: Pair, index: Index | None, prompt: AnswerPrompt | None) -> Request:
    messages = (
        closed_book(pair.question)
        if index is None
        else open_book(pair.question, shown_for(pair.question, index), pair.language, prompt)
    )
    return Request(messages=messages, max_tokens=ANSWER_TOKENS, may_be_cut=True, purpose="exam")


def _grade(
    name: str, book: bool, pairs: Sequence[Pair], given: Sequence[str | None]
) -> list[Graded]:
    texts = [text or "" for text in given]
    points = [
        points_met(text, pair.answer, pair.question, pair.language)
        for pair, text in zip(pairs, texts, strict=True)
    ]
    scores = judge_by_reference(texts, [pair.answer for pair in pairs])
    return [
        Graded(pair=pair.id, model=name, book=book, answer=text, scores=score, points=share)
        for pair, text, score, share in zip(pairs, texts, scores, points, strict=True)
    ]
