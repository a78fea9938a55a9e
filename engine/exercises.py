"""The tasks that a book itself sets, with its own answers: what its blocks say, put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from engine.language import any_pattern, languages
from engine.schema import Block, Document, Exercise, Section, content_id

_ITEM = re.compile(r"^\s*(?:\(?(\d{1,3})[.)、．](?!\d)|（(\d{1,3})）)\s*")
_OPTION = re.compile(r"^\s*[-•*]?\s*[(（]?(?P<letter>[A-Ha-h])[.)）、．:：]\s*(?P<text>\S.*)$")
_INLINE_OPTION = re.compile(r"(?:(?<=\s)|^)\(?([A-Ha-h])[.)、．]\s*")
_SHORTEST = 4
_MOST_OPTIONS = 6


def exercises(documents: Iterable[Document]) -> list[Exercise]:
    """All exercises of the books in reading order, each once, with its answer where there is one.

    An exercise is the blocks of one ``Block.group`` in one section; a list of numbered questions
    without a text above it is several. Its answer is the solution of the same group, else that of
    the same number in the same section's answers, in the chapter's, or (by a full number such as
    3.1) in the book's.
    """
    found: list[Exercise] = []
    for document in documents:
        own = [each for section in document.sections for each in _of_section(document, section)]
        found += _with_keys(document, own)
    return list({each.id: each for each in found}.values())


def _of_section(document: Document, section: Section) -> list[Exercise]:
    asked = [b for b in section.blocks if b.role in ("exercise", "solution")]
    found: list[Exercise] = []
    for group, run in groupby(asked, key=lambda block: block.group):
        blocks = list(run)
        if not group or any(b.unread for b in blocks):
            continue  # said before the first exercise, to all of them; or not whole
        questions = _without_hints([b for b in blocks if b.role == "exercise"])
        answers = [b for b in blocks if b.role == "solution"]
        if questions:
            found += _made(document, section, questions, answers)
    return found


def _without_hints(questions: Sequence[Block]) -> list[Block]:
    """The question alone: what stands under «Hint» gives its answer away."""
    hint = any_pattern("documents", "openings", "hint", form=r"^(?:{})\s*[:：]?$")
    end = next((i for i, b in enumerate(questions) if hint.match(b.text.strip())), len(questions))
    return list(questions[:end])


def _made(
    document: Document, section: Section, questions: Sequence[Block], answers: Sequence[Block]
) -> list[Exercise]:
    """One exercise, or one for each item where the question is but a numbered list."""
    first = questions[0]
    items = _items(first.text) if len(questions) == 1 and first.kind == "list" else []
    if len(items) < 2:
        text = _plain_question("\n\n".join(b.text for b in questions))
        answer = _plain_answer("\n\n".join(b.text for b in answers))
        if len(items) == 1 or "\n" not in first.text:
            text = _ITEM.sub("", text)  # its number stays in the label
        return _kept(document, section, text, answer, _number_of(first.text), first.page)
    solved = dict(_items(answers[0].text)) if len(answers) == 1 else {}
    made = [
        _kept(document, section, text, solved.get(number, ""), number, first.page)
        for number, text in items
    ]
    return [each for row in made for each in row]


def _kept(
    document: Document, section: Section, text: str, answer: str, label: str, page: int
) -> list[Exercise]:
    if len(text) < _SHORTEST:
        return []
    return [
        Exercise(
            id=content_id(section.id, text),
            question=text,
            answer=answer,
            options=_options(text),
            label=label,
            document=document.id,
            section=section.id,
            title=section.title,
            page=page,
        )
    ]


def _items(text: str) -> list[tuple[str, str]]:
    """Number and text of each item of a numbered list; what is not numbered goes on above."""
    found: list[tuple[str, str]] = []
    for row in text.split("\n"):
        mark = _ITEM.match(row)
        if mark:
            found.append((mark[1] or mark[2], row[mark.end() :].strip()))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{row.rstrip()}")
    return found


def _options(text: str) -> tuple[str, ...]:
    """The choices of a multiple-choice question: lettered lines, or letters in one line."""
    lettered = [m for row in text.split("\n") if (m := _OPTION.match(row))]
    rows = [m["text"].strip() for m in lettered]
    if "".join(m["letter"] for m in lettered).lower() != "abcdefgh"[: len(rows)]:
        rows = []
    if 2 <= len(rows) <= _MOST_OPTIONS and all(map(_is_choice, rows)):
        return tuple(rows)
    marks = list(_INLINE_OPTION.finditer(text))
    letters = "".join(m[1] for m in marks).lower()
    if len(marks) < 3 or letters != "abcdefgh"[: len(marks)]:
        return ()
    ends = [*(m.start() for m in marks[1:]), len(text)]
    found = [text[m.end() : end].strip() for m, end in zip(marks, ends, strict=True)]
    return tuple(found) if all(map(_is_choice, found)) else ()


def _is_choice(text: str) -> bool:
    """Whether a lettered line is a choice, not a part of a longer task."""
    return 0 < len(text) < 120 and "\n" not in text and not text.endswith(("?", "？"))


def _plain_question(text: str) -> str:
    """Without «Q:» or «Exercise:» before it; a number of the book's own stays in ``label``."""
    opening = any_pattern("documents", "openings", "question", form=r"^(?:{})\s*")
    numbered = _label(languages())
    return numbered.sub("", opening.sub("", text.strip()), count=1).strip() or text.strip()


def _plain_answer(text: str) -> str:
    for name in ("answer", "solution"):
        text = any_pattern("documents", "openings", name, form=r"^(?:{})\s*").sub("", text.strip())
    return text.strip()


def _label(_codes: tuple[str, ...]) -> re.Pattern[str]:
    form = r"^\W{0,3}(?:(?:{})\s*)(?P<number>[A-Z]?\d+(?:[.\-–]\d+)*)\s*[.:：．。]*\s*"
    return any_pattern("documents", "labels", "exercise", form=form)


def _number_of(text: str) -> str:
    found = _label(languages()).match(text.strip())
    if found:
        return str(found["number"])
    item = _ITEM.match(text)
    return (item[1] or item[2]) if item else ""


# ------------------------------------------------------------------ answer keys


def _with_keys(document: Document, own: list[Exercise]) -> list[Exercise]:
    """Exercises without an answer get that of their number in a key of the chapter or book."""
    keys = {section.id: _key(section) for section in document.sections}
    if not any(keys.values()):
        return own
    return [each if each.answer else _looked_up(each, document, keys) for each in own]


def _looked_up(each: Exercise, document: Document, keys: dict[str, dict[str, str]]) -> Exercise:
    if not each.label:
        return each
    chapters = _chapters(document)
    home = chapters.get(each.section)
    for section, key in keys.items():
        near = chapters.get(section) == home or "." in each.label
        if near and each.label in key:
            return each.model_copy(update={"answer": key[each.label]})
    return each


def _chapters(document: Document) -> dict[str, str]:
    """Each section with the top section above it."""
    found: dict[str, str] = {}
    for section in document.sections:
        found[section.id] = found.get(section.parent or "", section.id)
    return found


def _key(section: Section) -> dict[str, str]:
    """Number to answer, of the solutions that stand apart from their questions."""
    groups = {b.group for b in section.blocks if b.role == "exercise"}
    found: dict[str, str] = {}
    number = ""
    for block in section.blocks:
        if block.role != "solution" or (block.group in groups and groups):
            continue
        if items := _items(block.text):
            found |= {n: _plain_answer(text) for n, text in items if text}
            number = items[-1][0]
        elif label := _solution_number(block.text):
            number, rest = label
            found[number] = rest
        elif number:
            found[number] = f"{found.get(number, '')}\n\n{block.text}".strip()
    return found


def _solution_number(text: str) -> tuple[str, str] | None:
    for role in ("solution", "exercise"):
        form = r"^\W{0,3}(?:(?:{})(?:\s+to)?\s*)(\d+(?:[.\-–]\d+)*)\s*[.:：．。]*\s*"
        if found := any_pattern("documents", "labels", role, form=form).match(text):
            return found[1], text[found.end() :].strip()
    if found := re.match(r"^\s*(\d+(?:\.\d+)+)[.:：]?\s+", text):
        return found[1], text[found.end() :].strip()
    return None
