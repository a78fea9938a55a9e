"""Verbs about the model: estimate, distil, corpus, train, exam, export, ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.cli.context import Context, Verbs
from engine.cli.housekeeping import add_key_options, tend_keys
from engine.distil import FORMATS, DistilPlan, estimate, render
from engine.errors import BadInput
from engine.prompts import chosen_prompt
from engine.steps import (
    Room,
    connected_chat,
    current_run,
    exam_costs,
    open_index,
    student_chat,
    training_pairs,
)


def add_verbs(verbs: Verbs) -> None:
    """Add this room's verbs to the grammar."""
    _add_corpus_verbs(verbs)
    _add_train(verbs)
    exam = verbs.add_parser("exam", help="examine the student against its base")
    exam.add_argument("course")
    exam.add_argument("--model", choices=("base", "student", "teacher"))
    exam.add_argument("--rag", action="store_true", help="also with the book at hand")
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
    ask = verbs.add_parser("ask", help="ask the course's tutor")
    ask.add_argument("course")
    ask.add_argument("question")
    ask.add_argument(
        "--mode", choices=("explain", "hint", "socratic", "viewpoints"), default="explain"
    )
    ask.set_defaults(run=_ask)


def _add_train(verbs: Verbs) -> None:
    train = verbs.add_parser("train", help="fine-tune the student")
    train.add_argument("course")
    _add_base(train)
    train.add_argument("--backend", choices=("auto", "unsloth", "peft"), default="auto")
    train.add_argument("--effort", choices=("quick", "normal", "thorough"), default="normal")
    train.add_argument("--epochs", type=float)
    train.add_argument(
        "--resume", action="store_true", help="go on with the unfinished run (default)"
    )
    train.add_argument("--queue", action="store_true")
    train.set_defaults(run=_train)


def _add_base(verb: Any) -> None:
    verb.add_argument(
        "--base",
        default="",
        help="smollm2-135m, gemma3-270m, a model folder, or owner/model of the hub",
    )
    verb.add_argument(
        "--accept-terms", action="store_true", help="you have read and accept the base's terms"
    )


def _add_corpus_verbs(verbs: Verbs) -> None:
    costs = verbs.add_parser("estimate", help="calls, tokens, money, minutes, memory of a step")
    costs.add_argument("course")
    costs.add_argument("step", choices=("distil", "optimise", "train", "exam", "align"))
    costs.add_argument("--pairs", type=int)
    _add_base(costs)
    costs.set_defaults(run=_estimate)
    distil = verbs.add_parser("distil", help="make the question-answer corpus")
    distil.add_argument("course")
    distil.add_argument("--pairs", type=int)
    distil.add_argument("--seed", type=int, default=0)
    distil.add_argument("--queue", action="store_true")
    distil.set_defaults(run=_distil)
    corpus = verbs.add_parser("corpus", help="write the corpus as a file")
    corpus.add_argument("course")
    corpus.add_argument("--format", choices=FORMATS, default="native")
    corpus.add_argument("--status", choices=("proposed", "accepted", "rejected"))
    corpus.add_argument("--out", type=Path, required=True)
    corpus.set_defaults(run=_corpus)


def _plan(context: Context) -> DistilPlan:
    from engine.course import SplitPlan
    from engine.llm.teacher import load_choice

    given: dict[str, Any] = {"teacher": load_choice(context.store).kind}
    if context.options.pairs:
        given["pairs"] = context.options.pairs
    given["split"] = SplitPlan(seed=getattr(context.options, "seed", 0))
    return DistilPlan(**given)


def _estimate(context: Context) -> None:
    course = context.store.course(context.options.course).id
    ways = {
        "distil": _estimate_corpus,
        "optimise": _estimate_search,
        "train": _estimate_training,
        "exam": _estimate_exam,
        "align": _estimate_arms,
    }
    ways[context.options.step](context, course)


def _estimate_corpus(context: Context, course: str) -> None:
    documents, passages = context.store.documents(course), context.store.passages(course)
    context.show(estimate(documents, passages, _plan(context)).model_dump(mode="json"))


def _estimate_exam(context: Context, course: str) -> None:
    room = Room(context.settings, context.store, context.store.course(course))
    context.show(exam_costs(room).model_dump(mode="json"))


def _estimate_arms(context: Context, course: str) -> None:
    from engine.align import AlignPlan
    from engine.align import estimate as estimate_arms
    from engine.llm.teacher import load_choice

    choice = load_choice(context.store)
    prices = (choice.price.prompt, choice.price.completion)
    connected = choice.kind == "endpoint"
    costs = estimate_arms(AlignPlan(), connected=connected, prices=prices)
    context.show(costs.model_dump(mode="json"))


def _estimate_training(context: Context, course: str) -> None:
    from engine.models.bases import facts
    from engine.train import Row, estimate, preset

    rows = [
        Row(question=pair.question, answer=pair.answer)
        for pair in training_pairs(context.store, course, "train")
    ]
    recipe = preset("normal").model_copy(update={"base": _base(context, course)})
    costs = estimate(rows, recipe, context.settings).model_dump(mode="json")
    context.show(costs | {"base": facts(recipe.base, context.settings).model_dump(mode="json")})


def _base(context: Context, course: str) -> str:
    """The base asked for, as an absolute folder where it is one; else the course's language's."""
    from engine.models.bases import accept_terms, recommended

    asked = str(context.options.base)
    language = context.store.course(course).language
    base = asked or recommended(language)
    if Path(base).expanduser().is_dir():
        return str(Path(base).expanduser().resolve())
    if context.options.accept_terms:
        accept_terms(base, context.settings)
    return base


def _estimate_search(context: Context, course: str) -> None:
    from engine.optimise import estimate as estimate_search
    from engine.steps.optimise import plan_search

    room = Room(context.settings, context.store, context.store.course(course))
    plan = plan_search(room, "recombine")
    costs = estimate_search(context.store.pairs(course), context.store.passages(course), plan)
    context.show(costs.model_dump(mode="json"))


def _distil(context: Context) -> None:
    plan = _plan(context).model_dump(mode="json")
    course = context.store.course(context.options.course).id
    context.show(context.step("distil", course, plan, "".join(context.store.document_ids(course))))


def _corpus(context: Context) -> None:
    options = context.options
    course = context.store.course(options.course).id
    pairs = context.store.pairs(course, status=options.status)
    options.out.write_text(render(pairs, options.format), encoding="utf-8")
    data = {"pairs": len(pairs), "out": str(options.out)}
    context.show(data, f"Wrote {len(pairs)} pairs to {options.out}.")


def _train(context: Context) -> None:
    from engine.train import preset

    options = context.options
    course = context.store.course(options.course).id
    changes = {"backend": options.backend, "base": _base(context, course)}
    if options.epochs is not None:
        changes["epochs"] = options.epochs
    recipe = preset(options.effort).model_copy(update=changes).model_dump(mode="json")
    version = context.store.corpus_version(options.course, "train", "validation")
    context.show(context.step("train", options.course, recipe, version))


def _exam(context: Context) -> None:
    options = context.options
    plan: dict[str, Any] = {"rag": options.rag or options.model is None}
    if options.model:
        plan["models"] = [options.model]
    result = context.step("exam", options.course, plan)
    if options.out and "job" not in result:
        stored = context.store.result(options.course, "exam")
        full = result if options.model else (stored.data if stored else {})
        options.out.write_text(json.dumps(full, ensure_ascii=False), encoding="utf-8")
    context.show({k: v for k, v in result.items() if k != "answers"})


def _export(context: Context) -> None:
    options = context.options
    plan = {"format": options.format, "out": str(options.out.resolve())}
    context.show(context.step("export", options.course, plan))


def _serve(context: Context) -> None:
    from engine.serve.keys import key_names, new_key

    options = context.options
    course = context.store.course(options.course).id
    if tend_keys(context, course):
        return
    if options.new_key or not key_names(context.store, course):
        key = new_key(context.store, course, options.new_key or "default")
        context.show({"key": key}, f"Key (shown once, keep it): {key}")
        if options.new_key:
            return
    plan = {"port": options.port, "per_minute": options.per_minute}
    result = context.step("serve", course, plan)
    if "job" in result:
        context.show(result)


def _ask(context: Context) -> None:
    from engine.tutor import Material, Talk, turn

    options = context.options
    course = context.store.course(options.course)
    if not options.question.strip():
        raise BadInput("The question is empty.", code="ask.empty", next="Type a question.")
    room = Room(context.settings, context.store, course)
    run = current_run(room)
    at = Material(
        index=open_index(room, context.report),
        language=course.language,
        pairs=training_pairs(context.store, course.id, "train"),
        chat=student_chat(room, run) if run else None,
        guide=connected_chat(room),
        prompt=chosen_prompt(context.store, course.id, course.language),
    )
    _, said = turn(Talk(mode=options.mode), options.question, at)
    data = {
        "answer": said.answer,
        "sources": [{"section": s.title, "page": s.page, "quote": s.quote} for s in said.sources],
        "refused": said.refused,
    }
    quotes = "\n".join(f"  — {s.title}, p. {s.page}: “{s.quote}”" for s in said.sources)
    if said.withheld:
        quotes += "\n(The book answers: what the student model said does not agree with it.)"
    context.show(data, f"{said.answer}\n{quotes}")
