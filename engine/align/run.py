"""``align``: find out from which lessons this student learns best. ARTE, arXiv 2406.19227.

All arms teach the same points in equally many rows and sit the same test; only questions and
rationales differ.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine.align.arms import NO_PREFERENCE, RationaleMaker
from engine.align.backend import AlignmentBackend
from engine.align.items import ItemPools, by_overlap, make_pools
from engine.align.lessons import row_of
from engine.align.likelihood import Case
from engine.align.plan import ALWAYS, ARMS, BY_QUESTION, AlignPlan, Arm
from engine.align.preference import style_means
from engine.align.questions import drafted
from engine.align.values import CHANCE, AlignResult, ArmResult, LessonRow, lesson_of
from engine.errors import BadInput, Missing
from engine.files import write_json
from engine.judge import interval, paired
from engine.progress import Report
from engine.schema import Language, Pair, Progress, Value, content_id


class _TestResult(Value):
    """A student's test result, kept in its folder."""

    right: tuple[int, ...]
    share: float
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
        pairs: The course's pairs, as the exam's guard lets them through.
        plan: All sizes and choices.
        folder: Where this alignment's artefacts go; what is finished there is not done again.
        backend: Who writes, who reads and who is taught.
        report: Told every step; may raise ``Cancelled``.
        arms: Which arms.

    Raises:
        Missing: the corpus is too small; only DPO was asked for and there is no preference.
        BadInput: the only arm asked for needs a teacher that can be trained here.
        Cancelled: the user stopped; calling again goes on.
    """
    wanted, skipped = _possible(arms, backend)
    maker = _maker(pairs, plan, folder, backend, report, wanted)
    results = []
    for arm in wanted:
        try:
            results.append(_arm(arm, maker))
        except Missing as error:
            if error.code != NO_PREFERENCE or set(arms) <= {"dpo", *ALWAYS}:
                raise
            skipped[arm] = error.message
    final = _compared(results)
    pools = maker.pools
    return AlignResult(
        arms=final,
        styles=style_means(maker.scored) if _scores(wanted) else {},
        base=plan.base,
        drafts=len(pools.drafts),
        questions=len(pools.drafts) + len(pools.others),
        preference=len(pools.preference),
        test=len(pools.test),
        overlap=interval(by_overlap(pools.test)),
        teacher=backend.teacher.model,
        weak_teacher=backend.trainable,
        skipped=skipped,
        verdict=verdict(final),
        plan=plan,
    )


def _maker(
    pairs: Sequence[Pair],
    plan: AlignPlan,
    folder: Path,
    backend: AlignmentBackend,
    report: Report,
    wanted: Sequence[Arm],
) -> RationaleMaker:
    """The items of all pools, several questions a point where an arm chooses among them."""
    several = plan.questions if BY_QUESTION & {*wanted} else 1
    sizes = (plan.drafts, plan.preference, plan.test)
    pools: ItemPools = make_pools(pairs, sizes, plan.seed, several)
    language: Language = pairs[0].language
    if several > 1 and not backend.trainable:
        asked = [pair.question for pair in pairs if pair.split == "exam"]
        pools = drafted(backend.teacher, pools, asked, plan, language, report)
    folder.mkdir(parents=True, exist_ok=True)
    return RationaleMaker(pools, plan, folder, backend, language, report, tuple(wanted))


def _scores(wanted: Sequence[Arm]) -> bool:
    return bool({*wanted} & {"one-style", "select", *BY_QUESTION})


def verdict(arms: Sequence[ArmResult]) -> str:
    """What the figures allow to say, in words."""
    compared = [a for a in arms if a.gain and a.arm not in ALWAYS]
    better = [a for a in compared if a.gain and a.gain.low > 0]
    worse = [a for a in compared if a.gain and a.gain.high < 0]
    guessing = [a for a in arms if a.accuracy.low <= CHANCE]
    said = ["No way of choosing lessons beat random ones beyond doubt."]
    if better:
        best = max(better, key=lambda a: a.accuracy.value)
        said = [f"Lessons by “{best.arm}” teach this student better than random ones."]
        if not best.helps:
            said.append("They are not better than no lessons beyond doubt.")
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
    """Get the arm's lessons, teach a student with them, and test it."""
    chosen = maker.of(arm)
    own = tuple(lesson_of(maker.drafts[r.item], r) for r in chosen.rationales)
    tested = _train_and_test(own, maker)
    return ArmResult(
        arm=arm,
        accuracy=interval(tested.right),
        right=tested.right,
        share=tested.share,
        rows=len(own),
        calls=chosen.calls,
        minutes=tested.minutes,
        note=chosen.note,
        lessons=own,
    )


def _train_and_test(own: Sequence[LessonRow], at: RationaleMaker) -> _TestResult:
    """The test of a student with these lessons: as it was sat, or now."""
    rows = [row_of(lesson, at.language) for lesson in own]
    folder = at.folder / "students" / content_id([row.model_dump() for row in rows])
    done = folder / "test.json"
    if done.exists():
        return _TestResult.model_validate_json(done.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    student = at.backend.taught(rows, at.plan, folder, at.report) if rows else at.backend.student
    test = at.pools.test
    picks = student.read(
        [Case(item=item) for item in test],
        lambda n: at.report(Progress(stage="align.test", done=n, total=len(test))),
    )
    tested = _TestResult(
        right=tuple(pick.right(item) for pick, item in zip(picks, test, strict=True)),
        share=sum(pick.share(item) for pick, item in zip(picks, test, strict=True)) / len(test),
        minutes=(time.monotonic() - began) / 60,
    )
    write_json(done, tested)
    _tidy(folder, done)
    return tested


def _tidy(folder: Path, keep: Path) -> None:
    """Throw away what a test no longer needs: a student takes 300 MB."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path != keep:
            with suppress(OSError):  # still mapped by the model, on some systems
                path.unlink()


def _compared(results: Sequence[ArmResult]) -> tuple[ArmResult, ...]:
    """Each arm against the two that always come along."""
    by_arm = {result.arm: result for result in results}
    against = {"gain": by_arm["random"], "over_untouched": by_arm["untouched"]}
    return tuple(
        own.model_copy(
            update={
                name: paired(own.right, other.right)
                for name, other in against.items()
                if other.arm != own.arm
            }
        )
        for own in results
    )
