"""``align``: find out from which rationales this student learns best. ARTE, arXiv 2406.19227.

All arms teach the same questions in equally many rows and sit the same test; only the rationales
differ.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine.align.arms import NO_PREFERENCE, ArmRationales, RationaleMaker
from engine.align.backend import AlignmentBackend
from engine.align.items import ChoiceItem, chosen, make_pools, shown
from engine.align.plan import ALWAYS, ARMS, AlignPlan, Arm
from engine.align.preference import style_means
from engine.align.rationales import ask_all
from engine.errors import BadInput, Missing
from engine.files import write_json
from engine.judge import interval, paired
from engine.llm import Chat, Request, user
from engine.progress import Report
from engine.schema import Figure, Pair, Progress, Value, content_id
from engine.train import TrainingRow

CHANCE = 0.25
"""Accuracy of guessing among four options."""


class ArmResult(Value):
    """What one arm's student did on the test.

    ``right`` is 0 or 1 for each test item; ``gain`` the paired difference against ``random`` (None
    for that arm); ``unread`` the share of answers that name no option; ``calls`` the model calls it
    takes to get its rationales; ``minutes`` those of its student's training and test.
    """

    arm: Arm
    accuracy: Figure
    gain: Figure | None = None
    right: tuple[int, ...]
    unread: float
    rows: int
    calls: int
    minutes: float
    note: str = ""


class AlignResult(Value):
    """All arms, the pools' sizes, and the mean preference score of each style.

    ``weak_teacher``: the teacher was the built-in model itself. ``skipped`` says why by arm.
    """

    arms: tuple[ArmResult, ...]
    styles: dict[str, float]
    drafts: int
    preference: int
    test: int
    teacher: str
    weak_teacher: bool
    skipped: dict[Arm, str]
    verdict: str
    plan: AlignPlan


class _TestResult(Value):
    """A student's test result, kept in its folder."""

    right: tuple[int, ...]
    unread: float
    minutes: float


def align(
    pairs: Sequence[Pair],
    plan: AlignPlan,
    folder: Path,
    backend: AlignmentBackend,
    report: Report,
    arms: Sequence[Arm] = ARMS,
) -> AlignResult:
    """Teach and test every arm; the untouched student and ``random`` always come along.

    Args:
        pairs: The course's pairs, those that people rejected left out.
        plan: All sizes and choices.
        folder: Where this alignment's artefacts go; what is finished there is not done again.
        backend: Who answers and who is taught.
        report: Told every step; may raise ``Cancelled``.
        arms: Which arms.

    Raises:
        Missing: the corpus is too small; only DPO was asked for and there is no preference.
        BadInput: the only arm asked for needs a teacher that can be trained here.
        Cancelled: the user stopped; calling again goes on.
    """
    wanted, skipped = _possible(arms, backend)
    pools = make_pools(pairs, (plan.drafts, plan.preference, plan.test), plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    maker = RationaleMaker(pools, plan, folder, backend, report)
    results = []
    for arm in wanted:
        try:
            results.append(_arm(arm, maker))
        except Missing as error:
            if error.code != NO_PREFERENCE or set(arms) <= {"dpo", *ALWAYS}:
                raise
            skipped[arm] = error.message
    theirs = next(result.right for result in results if result.arm == "random")
    final = tuple(_against(result, theirs) for result in results)
    return AlignResult(
        arms=final,
        styles=style_means(maker.scored) if set(wanted) & {"one-style", "select"} else {},
        drafts=len(pools.drafts),
        preference=len(pools.preference),
        test=len(pools.test),
        teacher=backend.teacher.model,
        weak_teacher=backend.trainable,
        skipped=skipped,
        verdict=verdict(final),
        plan=plan,
    )


def verdict(arms: Sequence[ArmResult]) -> str:
    """What the figures allow to say, in words."""
    compared = [a for a in arms if a.gain and a.arm not in ALWAYS]
    better = [a for a in compared if a.gain and a.gain.low > 0]
    worse = [a for a in compared if a.gain and a.gain.high < 0]
    guessing = [a for a in arms if a.accuracy.low <= CHANCE]
    said = ["No way of choosing rationales beat random ones beyond doubt."]
    if better:
        best = max(better, key=lambda a: a.accuracy.value)
        said = [f"Rationales by “{best.arm}” teach this student better than random ones."]
    if worse:
        said.append("Worse than random: " + ", ".join(a.arm for a in worse) + ".")
    if guessing:
        said.append("Perhaps no better than guessing: " + ", ".join(a.arm for a in guessing) + ".")
    return " ".join(said)


def _possible(arms: Sequence[Arm], backend: AlignmentBackend) -> tuple[list[Arm], dict[Arm, str]]:
    """The arms to run, and why others cannot."""
    wanted = [arm for arm in ARMS if arm in arms or arm in ALWAYS]
    if "dpo" not in wanted or backend.trainable:
        return wanted, {}
    reason = "A connected teacher cannot be trained from here."
    if set(arms) <= {"dpo", *ALWAYS}:
        raise BadInput(
            reason,
            code="align.dpo_teacher",
            next="Choose “select” or “prompt”, which need no training of the teacher.",
        )
    return [arm for arm in wanted if arm != "dpo"], {"dpo": reason}


def _arm(arm: Arm, maker: RationaleMaker) -> ArmResult:
    """Get the arm's rationales, teach a student with them, and test it."""
    chosen = maker.of(arm)
    tested = _train_and_test(chosen, maker)
    return ArmResult(
        arm=arm,
        accuracy=interval(tested.right),
        right=tested.right,
        unread=tested.unread,
        rows=len(chosen.rationales),
        calls=chosen.calls,
        minutes=tested.minutes,
        note=chosen.note,
    )


def _train_and_test(chosen: ArmRationales, at: RationaleMaker) -> _TestResult:
    """The test of a student with these lessons: as it was sat, or now."""
    rows = [
        TrainingRow(question=shown(at.drafts[r.item]), answer=r.reply(at.drafts[r.item]))
        for r in chosen.rationales
    ]
    own = at.folder / "students" / content_id([row.model_dump() for row in rows])
    done = own / "test.json"
    if done.exists():
        return _TestResult.model_validate_json(done.read_text(encoding="utf-8"))
    own.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    student = at.backend.taught(rows, at.plan, own, at.report) if rows else at.backend.student
    picks = _picks(student, at.pools.test, at.plan, at.report)
    tested = _TestResult(
        right=tuple(int(p == i.right) for p, i in zip(picks, at.pools.test, strict=True)),
        unread=sum(pick is None for pick in picks) / len(picks),
        minutes=(time.monotonic() - began) / 60,
    )
    write_json(done, tested)
    _tidy(own, done)
    return tested


def _tidy(folder: Path, keep: Path) -> None:
    """Throw away what a test no longer needs: a student takes 150 MB."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path != keep:
            with suppress(OSError):  # still mapped by the model, on some systems
                path.unlink()


def _picks(
    student: Chat, test: Sequence[ChoiceItem], plan: AlignPlan, report: Report
) -> list[int | None]:
    """Which option the student picks for each item, without any example."""
    requests = [
        Request(
            messages=user(shown(item)),
            max_tokens=plan.rationale_tokens + plan.answer_tokens,
            may_be_cut=True,
            purpose="align.test",
        )
        for item in test
    ]
    texts = ask_all(
        student,
        requests,
        lambda done: report(Progress(stage="align.test", done=done, total=len(requests))),
    )
    return [chosen(text, item) for text, item in zip(texts, test, strict=True)]


def _against(result: ArmResult, theirs: Sequence[int]) -> ArmResult:
    if result.arm == "random":
        return result
    return result.model_copy(update={"gain": paired(result.right, theirs)})
