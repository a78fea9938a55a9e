"""Which lesson helps this student: shown one, does it answer other questions better?

``s_r = mean over q' of share(right option of q' | q, r)``, one-shot (ARTE, section 3.3). The paper
counts how often a generated answer is right; here the score of the right option among the four is
read from their likelihoods (``likelihood``), whose softmax tells 20 items finer apart than 21
possible counts. ``s_q``, a question's score, is the mean of its rationales' (section 3.3). Every
reading is logged at once, so a killed run goes on, and the items' difficulty can be estimated
later (IRT).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.align.items import ChoiceItem
from engine.align.likelihood import Case, Pick, Reader
from engine.align.rationales import Rationale
from engine.align.values import lesson_of
from engine.progress import Report
from engine.schema import Language, Progress, Value, content_id

_AT_ONCE = 8
"""Rationales that are read before the log is written and progress told."""


class Scored(Value):
    """A rationale with its score in [0, 1]."""

    rationale: Rationale
    score: float


def prefer(
    student: Reader,
    drafts: Mapping[str, ChoiceItem],
    rationales: Sequence[Rationale],
    held: Sequence[ChoiceItem],
    language: Language,
    log: Path,
    report: Report,
) -> list[Scored]:
    """The score of each rationale; ``log`` gets one JSON line a rationale and preference item.

    What the log holds of this student and these items is not read again, and lessons that say the
    same are read once.
    """
    names = [_name(student.model, r, drafts[r.item], held) for r in rationales]
    shares = dict(_logged(log, len(held)))
    unread = {n: r for n, r in zip(names, rationales, strict=True) if n not in shares}
    missing, total = list(unread.items()), len({*names})
    done = total - len(missing)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        for at in range(0, len(missing), _AT_ONCE):
            part = missing[at : at + _AT_ONCE]
            cases = [
                Case(item=item, example=lesson_of(drafts[r.item], r).words(language))
                for _, r in part
                for item in held
            ]
            picks = student.read(cases, lambda _: None)
            for i, (name, rationale) in enumerate(part):
                own = picks[i * len(held) : (i + 1) * len(held)]
                shares[name] = [p.share(item) for p, item in zip(own, held, strict=True)]
                file.write(_lines(name, rationale, held, own))
            file.flush()
            report(_told(done + at + len(part), total))
    return [
        Scored(rationale=r, score=sum(shares[n]) / len(held))
        for n, r in zip(names, rationales, strict=True)
    ]


def style_means(scored: Sequence[Scored]) -> dict[str, float]:
    """Mean score of each style, the best first."""
    return _means([(s.rationale.style, s.score) for s in scored])


def question_means(scored: Sequence[Scored]) -> dict[str, float]:
    """Mean score of each question (by its item's name), the best first."""
    return _means([(s.rationale.item, s.score) for s in scored])


def _means(scores: Sequence[tuple[str, float]]) -> dict[str, float]:
    groups: dict[str, list[float]] = {}
    for name, score in scores:
        groups.setdefault(name, []).append(score)
    means = {name: sum(own) / len(own) for name, own in groups.items()}
    return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def _name(model: str, rationale: Rationale, draft: ChoiceItem, held: Sequence[ChoiceItem]) -> str:
    said = (draft.question, draft.answer, rationale.text)
    return content_id(model, said, [item.id for item in held])


def _told(done: int, total: int) -> Progress:
    return Progress(stage="align.prefer", done=done, total=total)


def _lines(
    name: str, rationale: Rationale, held: Sequence[ChoiceItem], picks: Sequence[Pick]
) -> str:
    rows = (
        {
            "name": name,
            "draft": rationale.item,
            "style": rationale.style,
            "item": item.id,
            "right": pick.right(item),
            "share": pick.share(item),
        }
        for pick, item in zip(picks, held, strict=True)
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _logged(log: Path, items: int) -> Iterator[tuple[str, list[float]]]:
    """Shares by name of the rationales that were read to the end; a torn line is no reading."""
    found: dict[str, list[float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found.setdefault(row["name"], []).append(row["share"])
    return ((name, shares) for name, shares in found.items() if len(shares) == items)
