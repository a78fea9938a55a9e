"""The verb about prompts: optimise."""

from __future__ import annotations

from typing import Any

from engine.cli.context import Context, Verbs
from engine.errors import Missing
from engine.optimise import METHODS, current, use
from engine.prompts import chosen_prompt
from engine.steps import OPTIMISE, Workspace
from engine.steps.optimise import plan_search


def add_verbs(verbs: Verbs) -> None:
    """Add this verb to the grammar."""
    verb = verbs.add_parser("optimise", help="search for a better way to ask the model")
    verb.add_argument("course")
    verb.add_argument("--method", choices=METHODS, default="recombine")
    verb.add_argument("--budget", type=int, help="answers of search and validation together")
    verb.add_argument(
        "--use",
        metavar="PROMPT",
        help="do not search: answer by this prompt of the newest search from now on "
        "(an id, best, or start)",
    )
    verb.add_argument("--queue", action="store_true")
    verb.set_defaults(run=_optimise)


def _optimise(context: Context) -> None:
    options = context.options
    if options.use:
        _use(context, context.workspace)
        return
    plan = plan_search(context.workspace, options.method, options.budget)
    result = context.step(OPTIMISE, plan)
    context.show(result, lambda: _words(result))


def _use(context: Context, workspace: Workspace) -> None:
    wanted = context.options.use
    newest = current(workspace.store, workspace.course.id)
    if newest is None:
        raise Missing(
            "No prompts were tried for this course yet.",
            code="optimise.none",
            next="Run: coursewright optimise COURSE",
        )
    search = newest.value
    name = {"best": search.best, "start": search.start}.get(wanted, wanted)
    use(workspace.store, workspace.course.id, search, name)
    prompt = chosen_prompt(workspace.store, workspace.course.id, workspace.course.language)
    context.show({"id": prompt.id, **prompt.model_dump(mode="json")}, prompt.text)


def _words(result: dict[str, Any]) -> str:
    if "job" in result:
        return str(result["job"])
    lines = [f"{result['prompts']} prompts tried in {result['minutes']:.1f} minutes; the best:"]
    lines += ["", result["prompt"]["system"], result["prompt"]["layout"], ""]
    for row in result["exam"]:
        for name in ("quality", "length", "score"):
            old, new, gain = row["before"][name], row["after"][name], row["gains"][name]
            lines.append(
                f"{row['part']}, {name}: {old['value']:.2f} -> {new['value']:.2f}, difference "
                f"{gain['value']:+.2f} [{gain['low']:+.2f}, {gain['high']:+.2f}], n = {gain['n']}"
            )
    lines.append(f"Use it: coursewright optimise COURSE --use {result['best']}")
    return "\n".join(lines)
