"""The corpus: pairs from the passages, by the saved teacher."""

from __future__ import annotations

from engine.distil import CorpusEstimate, Distilled, DistilPlan, distil, estimate, fingerprint
from engine.llm.teacher import load_choice
from engine.progress import Report, silent
from engine.steps.step import Step
from engine.workspace import Workspace, teacher_chat


def make_corpus(workspace: Workspace, plan: DistilPlan, report: Report = silent) -> Distilled:
    """Distil with the saved teacher."""
    return distil(
        workspace.course,
        plan,
        chat=teacher_chat(workspace.settings, workspace.store, plan.teacher),
        store=workspace.store,
        report=report,
    )


def discard_corpus(workspace: Workspace, plan: DistilPlan) -> None:
    """Throw away what an unfinished run of this plan made; the corpus in use stays."""
    store, course = workspace.store, workspace.course.id
    store.drop_draft(course, fingerprint(store, course, plan))


def corpus_costs(workspace: Workspace, plan: DistilPlan) -> CorpusEstimate:
    """Calls, tokens, money (at the saved teacher's prices) and minutes of a corpus."""
    store, course = workspace.store, workspace.course.id
    price = load_choice(store).price
    prices = (price.prompt, price.completion) if plan.teacher == "endpoint" else (0.0, 0.0)
    return estimate(store.documents(course), store.passages(course), plan, prices=prices)


DISTIL = Step(
    name="distil",
    label="Making the corpus",
    plan=DistilPlan,
    result=Distilled,
    run=make_corpus,
    inputs=fingerprint,
    default=lambda workspace: DistilPlan(teacher=load_choice(workspace.store).kind),
    stages=("corpus",),
    estimate=corpus_costs,
    discard=discard_corpus,
)
