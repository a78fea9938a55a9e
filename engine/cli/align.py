"""The verb align: from which explanations does this student learn best?"""

from __future__ import annotations

from typing import Any

from engine.cli.context import Context, Verbs, table

_SIZES = ("drafts", "preference", "test", "rounds", "seed")


def add_verbs(verbs: Verbs) -> None:
    """Add this verb to the grammar."""
    from engine.align.plan import ALWAYS, ARMS

    align = verbs.add_parser("align", help="from which explanations does the student learn best?")
    align.add_argument("course")
    align.add_argument(
        "--arm",
        choices=[arm for arm in ARMS if arm not in ALWAYS],
        help="only this arm beside the untouched student and random rationales",
    )
    for size in _SIZES:
        align.add_argument(f"--{size}", type=int)
    align.add_argument("--queue", action="store_true")
    align.set_defaults(run=_align)


def _align(context: Context) -> None:
    from engine.align import AlignPlan
    from engine.errors import BadInput
    from engine.steps import ALIGN

    options = context.options
    given = {size: getattr(options, size) for size in _SIZES if getattr(options, size) is not None}
    try:
        plan = AlignPlan(arms=(options.arm,) if options.arm else (), **given)
    except ValueError as error:
        raise BadInput(
            f"These sizes cannot be: {error}", code="align.plan", next="Choose other sizes."
        ) from error
    result = context.step(ALIGN, plan)
    context.show(result, "" if "job" in result else lambda: _text(result))


def _text(result: dict[str, Any]) -> str:
    head = ("arm", "accuracy", "against random", "unread", "rows", "calls", "minutes", "note")
    rows: list[tuple[object, ...]] = [head]
    for arm in result["arms"]:
        rows.append(
            (
                arm["arm"],
                _figure(arm["accuracy"]),
                _figure(arm["gain"], "+") if arm["gain"] else "",
                f"{arm['unread']:.2f}",
                arm["rows"],
                arm["calls"],
                f"{arm['minutes']:.1f}",
                arm["note"][:40],
            )
        )
    said = [table(rows), f"n = {result['test']} test questions; one in four is guessing."]
    if result["weak_teacher"]:
        said.append("The teacher is the built-in model itself, as weak as the student.")
    said += [f"Left out: {arm}. {why}" for arm, why in result["skipped"].items()]
    return "\n".join([*said, result["verdict"]])


def _figure(figure: dict[str, float], sign: str = "") -> str:
    return f"{figure['value']:{sign}.3f} [{figure['low']:{sign}.3f}, {figure['high']:{sign}.3f}]"
