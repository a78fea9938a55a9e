"""The verb align: from which explanations does the student learn best? An experiment."""

from __future__ import annotations

from typing import Any

from engine.cli.context import Context, Verbs, table

_SIZES = ("drafts", "questions", "preference", "test", "rounds", "seed")


def add_verbs(verbs: Verbs) -> None:
    """Add this verb to the grammar."""
    from engine.align.plan import ALWAYS, ARMS

    align = verbs.add_parser(
        "align", help="experiment: from which explanations does the student learn best?"
    )
    align.add_argument("course")
    align.add_argument(
        "--arm",
        choices=[arm for arm in ARMS if arm not in ALWAYS],
        help="only this arm beside the untouched student and random lessons",
    )
    align.add_argument("--base", default="", help="the student's base; by default the course's")
    for size in _SIZES:
        align.add_argument(f"--{size}", type=int)
    align.add_argument(
        "--use",
        metavar="ARM",
        help="compare nothing: train the student on the lessons of this arm of the newest "
        "comparison from now on (an arm, best, or none)",
    )
    align.add_argument("--queue", action="store_true")
    align.set_defaults(run=_align)


def _align(context: Context) -> None:
    from engine.align import AlignPlan
    from engine.errors import BadInput
    from engine.steps import ALIGN

    options = context.options
    if options.use:
        _use(context, options.use)
        return
    given = {size: getattr(options, size) for size in _SIZES if getattr(options, size) is not None}
    try:
        arms = (options.arm,) if options.arm else ()
        plan = AlignPlan(arms=arms, base=options.base, **given)
    except ValueError as error:
        raise BadInput(
            f"These sizes cannot be: {error}", code="align.plan", next="Choose other sizes."
        ) from error
    result = context.step(ALIGN, plan)
    context.show(result, "" if "job" in result else lambda: _text(result, _used(context)))


def _use(context: Context, wanted: str) -> None:
    """Choose an arm's lessons, or none.

    Raises:
        Missing: nothing was compared yet, or no arm helps beyond chance and ``best`` was asked for.
        BadInput: the comparison has no such arm.
    """
    from engine.align import best_arm, choose_lessons, leave_lessons, lessons
    from engine.errors import Missing
    from engine.steps.align import ALIGNED

    store, course = context.store, context.workspace.course.id
    if wanted == "none":
        leave_lessons(store, course)
        context.show({"arm": "", "lessons": 0}, "The student is trained without lessons.")
        return
    saved = store.saved(course, ALIGNED)
    if saved is None:
        raise Missing(
            "Nothing was compared for this course yet.",
            code="align.none",
            next="Run: coursewright align COURSE",
        )
    best = best_arm(saved.value)
    if wanted == "best" and best is None:
        raise Missing(
            "No way of choosing lessons beats random ones and no lessons beyond chance.",
            code="align.no_best",
            next="Name an arm, if you want its lessons all the same.",
        )
    arm = best.arm if wanted == "best" and best else wanted
    choose_lessons(store, course, saved.value, arm)
    n = len(lessons(store, course))
    context.show(
        {"arm": arm, "lessons": n},
        f"From its next training on the student learns {n} lessons of “{arm}”.",
    )


def _used(context: Context) -> str:
    from engine.align import chosen_arm

    return chosen_arm(context.store, context.workspace.course.id) or ""


def _text(result: dict[str, Any], used: str) -> str:
    head = ("arm", "accuracy", "against random", "against untouched", "rows", "minutes", "note")
    rows: list[tuple[object, ...]] = [head]
    for arm in result["arms"]:
        rows.append(
            (
                arm["arm"],
                _figure(arm["accuracy"]),
                _figure(arm["gain"], "+") if arm["gain"] else "",
                _figure(arm["over_untouched"], "+") if arm["over_untouched"] else "",
                arm["rows"],
                f"{arm['minutes']:.1f}",
                arm["note"][:40],
            )
        )
    said = [
        table(rows),
        f"n = {result['test']} test questions with four options: guessing is right on 0.25, the "
        f"option most like its question in words on {_figure(result['overlap'])}.",
        f"{result['drafts']} points by {result['questions']} questions, chosen on "
        f"{result['preference']} others; the student's base is {result['base']}.",
    ]
    if result["weak_teacher"]:
        said.append("The teacher is the base itself, as weak as the student.")
    said += [f"Left out: {arm}. {why}" for arm, why in result["skipped"].items()]
    said.append(result["verdict"])
    said.append(
        f"The student is trained on the lessons of “{used}”."
        if used
        else "The student is trained without lessons; --use ARM chooses some all the same."
    )
    return "\n".join(said)


def _figure(figure: dict[str, float], sign: str = "") -> str:
    return f"{figure['value']:{sign}.3f} [{figure['low']:{sign}.3f}, {figure['high']:{sign}.3f}]"
