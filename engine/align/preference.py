"""Which rationale helps this student: shown one, does it answer other questions better?

``s_r = mean over q' of [student(q, r; q') is right]``, one-shot, temperature 0 (ARTE, section 3.3).
Every single 0 or 1 is logged, so that the items' difficulty can be estimated later (IRT).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.align.items import ChoiceItem, chosen, shown
from engine.align.plan import AlignPlan
from engine.align.rationales import Rationale, ask_all
from engine.files import write_text
from engine.llm import Chat, Request
from engine.progress import Report
from engine.schema import Message, Progress, Value


class Scored(Value):
    """A rationale with its score in [0, 1]."""

    rationale: Rationale
    score: float


def prefer(
    student: Chat,
    drafts: Mapping[str, ChoiceItem],
    rationales: Sequence[Rationale],
    held: Sequence[ChoiceItem],
    plan: AlignPlan,
    log: Path,
    report: Report,
) -> list[Scored]:
    """The score of each rationale; ``log`` gets one JSON line a rationale and preference item."""
    cases = [(rationale, item) for rationale in rationales for item in held]
    requests = [_one_shot(drafts[r.item], r, item, plan) for r, item in cases]
    texts = ask_all(
        student,
        requests,
        lambda done: report(Progress(stage="align.prefer", done=done, total=len(cases))),
    )
    right = [int(chosen(t, item) == item.right) for t, (_, item) in zip(texts, cases, strict=True)]
    _write_log(log, cases, texts, right)
    size = len(held)
    return [
        Scored(rationale=rationale, score=sum(right[i * size : (i + 1) * size]) / size)
        for i, rationale in enumerate(rationales)
    ]


def style_means(scored: Sequence[Scored]) -> dict[str, float]:
    """Mean score of each style, the best first."""
    names = dict.fromkeys(s.rationale.style for s in scored)
    own = {name: [s.score for s in scored if s.rationale.style == name] for name in names}
    means = {name: sum(scores) / len(scores) for name, scores in own.items()}
    return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def _one_shot(
    draft: ChoiceItem, rationale: Rationale, item: ChoiceItem, plan: AlignPlan
) -> Request:
    said = (
        Message(role="user", content=shown(draft)),
        Message(role="assistant", content=rationale.reply(draft)),
        Message(role="user", content=shown(item)),
    )
    return Request(
        messages=said,
        max_tokens=plan.answer_tokens,
        may_be_cut=True,
        purpose="align.preference",
    )


def _write_log(
    log: Path,
    cases: Sequence[tuple[Rationale, ChoiceItem]],
    texts: Sequence[str],
    right: Sequence[int],
) -> None:
    rows = (
        {"draft": r.item, "style": r.style, "item": item.id, "right": one, "said": text}
        for (r, item), text, one in zip(cases, texts, right, strict=True)
    )
    write_text(log, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
