"""Verbs about the model: estimate, distil, corpus, train, exam, export, serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from engine.cli.context import Context, Verbs
from engine.cli.housekeeping import add_key_options, tend_keys
from engine.course import SplitPlan
from engine.distil import ALL_KINDS, FORMATS, DistilPlan, Gap, render, section_called
from engine.distil.plan import Recipe
from engine.errors import BadInput, EngineError, Missing, TeacherError
from engine.exam import EXAM, Contrast, EarlierRun
from engine.models.bases import accept_terms, facts, recommended
from engine.schema import Level, Value
from engine.steps import DISTIL, EXPORT, FILL, SERVE, STEPS, TAKE_EXAM, TRAIN, step_named
from engine.steps.beside import contrast_words
from engine.steps.exam import EXAM_OF_SOME, ExamPlan
from engine.steps.publish import ExportPlan, ServePlan
from engine.steps.train import TrainPlan
from engine.train import Mixture, preset


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    _add_corpus_verbs(verbs)
    _add_train(verbs)
    exam = verbs.add_parser("exam", help="examine the student against base, lookup and book")
    exam.add_argument("course")
    exam.add_argument("--model", choices=("base", "student", "teacher"))
    exam.add_argument("--rag", action="store_true", help="also with the book at hand")
    exam.add_argument("--judge", action="store_true", help="the connected teacher marks answers")
    exam.add_argument(
        "--beside", metavar="RUN", default="", help="an earlier run beside the student, or newest"
    )
    exam.add_argument("--out", type=Path)
    exam.add_argument("--queue", action="store_true")
    exam.set_defaults(run=_exam)
    export = verbs.add_parser("export", help="write the student as files")
    export.add_argument("course")
    export.add_argument("--format", choices=("lora", "merged", "gguf"), required=True)
    export.add_argument("--out", type=Path, required=True)
    export.add_argument("--queue", action="store_true")
    export.set_defaults(run=_export)
    serve = verbs.add_parser("serve", help="serve the student: an OpenAI-compatible API")
    serve.add_argument("course")
    serve.add_argument("--port", type=int, default=8600)
    serve.add_argument("--per-minute", type=float, default=120, help="requests a minute and key")
    serve.add_argument("--new-key", metavar="NAME", help="make a key, show it once, and end")
    serve.add_argument("--queue", action="store_true")
    add_key_options(serve)
    serve.set_defaults(run=_serve)


def _add_train(verbs: Verbs) -> None:
    train = verbs.add_parser("train", help="fine-tune the student")
    train.add_argument("course")
    _add_base(train)
    train.add_argument("--backend", choices=("auto", "unsloth", "peft"), default="auto")
    train.add_argument("--effort", choices=("quick", "normal", "thorough"), default="normal")
    train.add_argument("--epochs", type=float)
    _add_mixture(train)
    train.add_argument(
        "--resume", action="store_true", help="go on with the unfinished run (default)"
    )
    train.add_argument("--queue", action="store_true")
    train.set_defaults(run=_train)


def _add_mixture(train: Any) -> None:
    """The shares of what is taught; each is as ``Mixture`` says where it is left out."""
    told = {
        "by-heart": "how often each pair is asked without the book in an epoch",
        "reading": "share of the points asked with quotes of the book",
        "sought": "sentences asked for by keywords, for each such point",
        "absent": "share of the rows with quotes that hold no answer",
        "statements": "at most so many statements of each fact",
        "replay": "share of general talk",
    }
    for name, words in told.items():
        kind = int if name == "statements" else float
        train.add_argument(f"--{name}", type=kind, help=words)


def _mixture(options: Any) -> Mixture:
    """The mixture by the options.

    Raises:
        BadInput: a share is out of its bounds.
    """
    given = {name: getattr(options, name, None) for name in Mixture.model_fields}
    try:
        return Mixture(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(
            f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}.",
            code="train.mixture",
            next="See coursewright train --help.",
        ) from error


def _add_base(verb: Any) -> None:
    from engine.models.bases import known

    verb.add_argument(
        "--base",
        default="",
        help=f"{', '.join(base.id for base in known())}, a model folder, or owner/model of the hub",
    )
    verb.add_argument(
        "--accept-terms", action="store_true", help="you have read and accept the base's terms"
    )


def _add_corpus_verbs(verbs: Verbs) -> None:
    costs = verbs.add_parser("estimate", help="calls, tokens, money, minutes, memory of a step")
    costs.add_argument("course")
    costs.add_argument("step", choices=[step.name for step in STEPS if step.estimate])
    costs.add_argument("--pairs", type=int)
    _add_base(costs)
    costs.set_defaults(run=_estimate)
    distil = verbs.add_parser("distil", help="make the question-answer corpus")
    distil.add_argument("course")
    distil.add_argument("--pairs", type=int)
    distil.add_argument("--seed", type=int, default=0)
    _add_recipe(distil)
    distil.add_argument(
        "--fill",
        metavar="SECTION:KIND[:LEVEL]",
        help="add questions of this kind there, and make nothing else; SECTION may be a chapter",
    )
    distil.add_argument("--points", type=int, default=3, help="points to add with --fill")
    distil.add_argument("--queue", action="store_true")
    distil.set_defaults(run=_distil)
    corpus = verbs.add_parser("corpus", help="write the corpus as a file")
    corpus.add_argument("course")
    corpus.add_argument("--format", choices=FORMATS, default="native")
    corpus.add_argument("--status", choices=("proposed", "accepted", "rejected"))
    corpus.add_argument("--out", type=Path, required=True)
    corpus.set_defaults(run=_corpus)


def _add_recipe(distil: Any) -> None:
    """What a connected teacher is told; the offline one knows nothing of it."""
    distil.add_argument("--kinds", nargs="+", choices=ALL_KINDS, help="all by default")
    distil.add_argument(
        "--recipe",
        choices=get_args(Recipe),
        default="grid",
        help="how the teacher model is led: by our grid, or as in CourseGPT-zh",
    )
    distil.add_argument("--seeds", type=Path, help="example questions for coursegpt, one a line")
    distil.add_argument(
        "--rewordings",
        type=int,
        default=60,
        help="taught facts that the exam asks in a learner's words, by a connected teacher",
    )
    distil.add_argument("--no-judge", action="store_true", help="do not score answers")
    distil.add_argument(
        "--judge-floor",
        type=int,
        default=0,
        help="leave out answers scored lower (1 to 10), once your own ratings agree with the judge",
    )


def _recipe_changes(options: Any) -> dict[str, Any]:
    """What the options change of a corpus plan.

    Raises:
        Missing: there is no such file of seeds.
    """
    if not hasattr(options, "recipe"):
        return {}
    changes = {"recipe": options.recipe, "judge_floor": options.judge_floor}
    changes["rewordings"] = options.rewordings
    changes["judge"] = not options.no_judge
    if options.kinds:
        changes["kinds"] = tuple(options.kinds)
    if options.seeds:
        if not options.seeds.is_file():
            raise Missing(f"There is no file {options.seeds}.", next="Give a text file.")
        lines = options.seeds.read_text(encoding="utf-8-sig").splitlines()
        changes["seeds"] = tuple(line.strip() for line in lines if line.strip())
    return changes


def _corpus_plan(context: Context) -> DistilPlan:
    plan = DISTIL.default(context.workspace)
    changes: dict[str, Any] = {"split": SplitPlan(seed=getattr(context.options, "seed", 0))}
    if context.options.pairs:
        changes["pairs"] = context.options.pairs
    changes |= _recipe_changes(context.options)
    return DistilPlan.model_validate(plan.model_dump() | changes)


def _estimate(context: Context) -> None:
    """What a step will take by its default plan, changed by the options that it has."""
    step = step_named(context.options.step)
    assert step.estimate is not None, "the grammar offers no other"
    if step is DISTIL:
        plan: Value = _corpus_plan(context)
    elif step is TRAIN:
        plan = _training_plan(context, "normal")
    else:
        plan = step.default(context.workspace)
    costs = step.estimate(context.workspace, plan).model_dump(mode="json")
    if isinstance(plan, TrainPlan):
        costs["base"] = facts(plan.recipe.base, context.settings).model_dump(mode="json")
    context.show(costs)


def _training_plan(context: Context, effort: str, **changes: Any) -> TrainPlan:
    recipe = preset(effort).model_copy(update={"base": _base(context), **changes})
    mixture, asks = _mixture(context.options), effort != "quick"
    return TrainPlan(recipe=recipe, mixture=mixture, forgetting=asks)


def _base(context: Context) -> str:
    """The base asked for, as an absolute folder where it is one; else the course's language's."""
    base = str(context.options.base) or recommended(context.workspace.course.language)
    if Path(base).expanduser().is_dir():
        return str(Path(base).expanduser().resolve())
    if context.options.accept_terms:
        accept_terms(base, context.settings)
    return base


def _gap(context: Context) -> Gap:
    """The gap that ``--fill`` names.

    Raises:
        BadInput: it names no section, kind or level.
    """
    parts = str(context.options.fill).split(":")
    level = parts.pop() if len(parts) > 2 and parts[-1] in get_args(Level) else ""
    kind = parts.pop() if len(parts) > 1 else ""
    if kind not in ALL_KINDS:
        raise BadInput(
            f"“{kind}” is no kind of question.",
            code="fill.kind",
            next=f"Give SECTION:KIND or SECTION:KIND:LEVEL; kinds: {', '.join(ALL_KINDS)}; "
            f"levels: {', '.join(get_args(Level))}.",
        )
    documents = context.store.documents(context.workspace.course.id)
    values = {
        "section": section_called(documents, ":".join(parts)),
        "kind": kind,
        "level": level,
        "points": context.options.points,
    }
    return Gap.model_validate(FILL.default(context.workspace).model_dump() | values)


def _distil(context: Context) -> None:
    if context.options.fill:
        filled = context.step(FILL, _gap(context))
        context.show(context.part_failed(filled, _calls_failed(filled.get("failed_calls", 0))))
        return
    result = context.step(DISTIL, _corpus_plan(context))
    context.show(context.part_failed(result, _calls_failed(result.get("failed_calls", 0))))


def _calls_failed(n: int) -> list[EngineError]:
    """What to say of ``n`` calls without a usable answer; nothing where there are none."""
    if not n:
        return []
    return [
        TeacherError(
            f"{n} call(s) brought no usable answer; all others were kept.",
            code="calls.failed",
            next="Run the same command again: only these are asked anew.",
            n=n,
        )
    ]


def _corpus(context: Context) -> None:
    options = context.options
    course = context.workspace.course.id
    pairs = context.store.pairs(course, status=options.status)
    if not pairs:
        raise Missing(
            "There are no such pairs in this course, so nothing was written.",
            code="corpus.none",
            next="Make a corpus first: coursewright distil COURSE",
        )
    options.out.write_text(render(pairs, options.format), encoding="utf-8")
    data = {"pairs": len(pairs), "out": str(options.out)}
    context.show(data, f"Wrote {len(pairs)} pairs to {options.out}.")


def _train(context: Context) -> None:
    options = context.options
    changes: dict[str, Any] = {"backend": options.backend}
    if options.epochs is not None:
        changes["epochs"] = options.epochs
    context.show(context.step(TRAIN, _training_plan(context, options.effort, **changes)))


def _exam(context: Context) -> None:
    options = context.options
    models = (options.model,) if options.model else ()
    plan = ExamPlan(
        models=models,
        book=options.rag or not models,
        judge=options.judge,
        beside=options.beside,
    )
    result = context.step(TAKE_EXAM, plan)
    calls = result.pop("failed", 0)
    if options.out and "job" not in result:
        kind, name = (EXAM_OF_SOME, options.model) if models else (EXAM, "")
        stored = context.store.saved(context.workspace.course.id, kind, name)
        assert stored is not None, "the exam has just ended"
        options.out.write_text(stored.value.model_dump_json(), encoding="utf-8")
    said = [] if "job" in result else _contrasts(result)
    shown = context.part_failed(result, _calls_failed(calls))
    text = json.dumps(shown, ensure_ascii=False, indent=1)
    context.show(shown, "\n".join([text, *said]))


def _contrasts(result: dict[str, Any]) -> list[str]:
    """What the chosen prompt, or the lessons, brought the student, in words."""
    earlier = EarlierRun.model_validate(result["earlier"]) if result["earlier"] else None
    return [contrast_words(Contrast.model_validate(c), earlier) for c in result["contrasts"]]


def _export(context: Context) -> None:
    plan = ExportPlan(format=context.options.format, out=str(context.options.out.resolve()))
    context.show(context.step(EXPORT, plan))


def _serve(context: Context) -> None:
    from engine.serve.keys import key_names, new_key

    options = context.options
    course = context.workspace.course.id
    if tend_keys(context, course):
        return
    if options.new_key or not key_names(context.store, course):
        key = new_key(context.store, course, options.new_key or "default")
        context.show({"key": key}, f"Key (shown once, keep it): {key}")
        if options.new_key:
            return
    plan = ServePlan(port=options.port, per_minute=options.per_minute)
    result = context.step(SERVE, plan)
    if "job" in result:
        context.show(result)
