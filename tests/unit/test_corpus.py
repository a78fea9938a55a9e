"""The exam stays honest over the whole store, a person's word stays, and no failed run costs anything."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus import held_back, judged, let_through, marked, merge, revise
from engine.course import SplitPlan, make_passages
from engine.distil import CORPUS, POINT_GATES, DistilPlan, distil, fingerprint
from engine.duplicates import SAME, similar
from engine.errors import BadAnswer, Cancelled, Missing, WorkFailed
from engine.llm.ledger import Ledger
from engine.llm.scripted import Scripted
from engine.optimise import OptimisePlan
from engine.optimise.pools import draw_pools
from engine.schema import Block, Course, Document, Evidence, Pair, Section, content_id
from engine.steps import ALIGN, TRAIN
from engine.steps.corpus import discard_corpus
from engine.steps.rows import rows_to_train
from engine.steps.train import TrainPlan
from engine.store import Store
from engine.train import Mixture, Recipe
from engine.workspace import RUNS, TRAINED, Workspace
from tests.app.conftest import make_student
from tests.unit.teaching import Agreeable, point, tagged

COURSE = Course(id="c", title="C", language="en")
LLM = DistilPlan(pairs=200, teacher="endpoint")


def word(seed: object) -> str:
    """A made-up noun; no two are alike."""
    dice = random.Random(f"word {seed}")
    return "".join(dice.choice("bdfgklmnprstvz") + dice.choice("aeiou") for _ in range(6))


def book(sections: int = 30) -> Document:
    def text(i: int) -> str:
        one, other = word(i), word(i + 500)
        return (
            f"A {one} is a small device that keeps {other} away from water. "
            f"{one.capitalize()} machines are loud because their wheels are made of {other}. "
            f"To repair a {one}, you remove the {other} first. "
            "There is more to say about such machines, and much of it was said elsewhere before."
        )

    own = tuple(
        Section(id=f"s{i}", title=f"Part {word(i)}", blocks=(Block(text=text(i), page=i),))
        for i in range(sections)
    )
    return Document(id="d" * 16, title="T", filename="t.md", language="en", sections=own)


@pytest.fixture
def store(tmp_path):
    found = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    found.add_course(COURSE)
    found.add_document("c", book())
    found.replace_passages("c", make_passages([book()]))
    yield found
    found.close()


def make(store, plan=None, chat=None, report=lambda _: None, **changes):
    return distil(COURSE, plan or DistilPlan(**changes), chat=chat, store=store, report=report)


def pair(name: str, **changes) -> Pair:
    section = changes.pop("section", f"s-{name}")
    values = {
        "id": name,
        "question": f"What is said about {word(name)} and {word(name + name)}?",
        "answer": " ".join(word(f"{part} of {name}") for part in range(4)).capitalize() + ".",
        "kind": "fact",
        "language": "en",
        "point": f"point {name}",
        "evidence": (Evidence(quote="q", section=section),),
    }
    return Pair(**(values | changes))


def exam(name: str, **changes) -> Pair:
    return pair(name, **({"split": "exam", "part": "reworded"} | changes))


def two_points(passage):
    """Two points a passage, four wordings each, in other words each."""
    first, second = (s + "." for s in passage.split(". ")[:2])
    name = passage.split(" ")[1]
    return [
        point(
            said,
            [
                f"{kind.capitalize()}: what is a {name}?",
                f"Please tell me everything on {kind} and {name}.",
                f"Which {kind} belongs to {name}, according to the author?",
                f"Suppose somebody asks for the {kind} of {name}: your reply?",
            ],
            kind=kind,
        )
        for kind, said in (("definition", first), ("cause", second))
    ]


teach = Agreeable(two_points)


def everything(store):
    tables = ("pairs", "pair_history", "results")
    with store.engine.connect() as connection:
        return {t: connection.execute(sa.text(f"SELECT * FROM {t}")).all() for t in tables}


# ------------------------------------------------------------------ the guard, on pairs alone


def test_training_in_a_section_that_the_exam_keeps_out_is_held_back():
    pairs = [
        pair("a", section="s1"),
        pair("v", section="s1", split="validation"),
        pair("b", section="s2"),
        exam("t", part="transfer", section="s1"),
    ]
    assert held_back(pairs) == {"a": "held_out_section", "v": "held_out_section"}
    gone = pairs[-1].model_copy(update={"status": "rejected"})
    assert held_back([*pairs[:-1], gone]) == {}


def test_a_reworded_question_of_a_section_that_is_not_taught_leaves_the_exam():
    pairs = [exam("r", section="s1"), exam("t", part="transfer", section="s1"), exam("q")]
    assert held_back(pairs) == {"r": "untaught_section"}


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("part", ["reworded", "transfer", "uploaded"])
def test_an_exam_question_is_not_trained_on(split, part):
    asked = exam("e", part=part)
    copy = pair("a", split=split, question=asked.question.upper().replace("?", " ?"))
    assert held_back([copy, asked, pair("b")]) == {"a": "exam_question"}


def test_a_transfer_answer_is_not_trained_on_but_a_taught_one_is():
    secret, taught = exam("t", part="transfer"), exam("r", part="reworded")
    pairs = [
        secret,
        taught,
        pair("a", answer=secret.answer.rstrip(".") + " !"),
        pair("b", answer=taught.answer),
    ]
    assert held_back(pairs) == {"a": "exam_answer"}


def test_a_validation_question_that_repeats_training_is_held_back_and_training_is_not():
    trained = pair("a")
    assert held_back([trained, pair("v", split="validation", question=trained.question)]) == {
        "v": "trained_question"
    }


def test_only_what_changed_is_compared_where_that_is_known():
    asked = exam("e")
    pairs = [asked, pair("a", question=asked.question), pair("b")]
    assert held_back(pairs, changed=["b"]) == {}
    assert held_back(pairs, changed=["a"]) == held_back(pairs, changed=["e"]) == held_back(pairs)


def test_what_is_let_through_holds_nothing_rejected_and_nothing_of_the_exam():
    asked = exam("e")
    pairs = [asked, pair("a", question=asked.question), pair("b"), pair("c", status="rejected")]
    assert [p.id for p in let_through(pairs)] == ["e", "b"]


USES = [
    ("train", None),
    ("validation", None),
    *(("exam", p) for p in ("reworded", "transfer", "uploaded")),
]
TEXTS = [f"Which {word(f'text {i}')} is {word(f'other {i}')}?" for i in range(4)]
PAIRS = st.lists(
    st.tuples(
        st.sampled_from(USES),
        st.sampled_from(TEXTS),
        st.sampled_from(TEXTS),
        st.sampled_from(["s1", "s2", "s3", ""]),
        st.sampled_from(["proposed", "accepted", "rejected"]),
    ),
    max_size=12,
)


def drawn(rows) -> list[Pair]:
    return [
        pair(
            f"n{i}",
            split=use[0],
            part=use[1],
            question=asked,
            answer=said,
            section=section,
            status=status,
        )
        for i, (use, asked, said, section, status) in enumerate(rows)
    ]


@given(PAIRS)
def test_what_the_guard_leaves_is_honest_and_the_exam_loses_no_question_to_training(rows):
    pairs = drawn(rows)
    found = held_back(pairs)
    left = marked(pairs, found)
    assert held_back(left) == {}, "once is enough"
    live = [p for p in left if p.status != "rejected"]
    asked = [p for p in live if p.split == "exam"]
    learned = [p for p in live if p.split != "exam"]
    assert not {p.question for p in learned} & {p.question for p in asked}
    assert not {p.section for p in learned if p.section} & {
        p.section for p in asked if p.part == "transfer"
    }
    assert not {p.answer for p in learned} & {p.answer for p in asked if p.part == "transfer"}
    gone = [p for p in pairs if p.id in found and p.split == "exam"]
    assert {p.part for p in gone} <= {"reworded"}


@given(PAIRS, st.integers(0, 11), st.sampled_from(TEXTS))
def test_looking_at_what_changed_finds_as_much_as_looking_at_all(rows, at, text):
    clean = marked(drawn(rows), held_back(drawn(rows)))
    if at < len(clean):
        clean[at] = clean[at].model_copy(update={"question": text, "status": "accepted"})
        assert held_back(clean, [clean[at].id]) == held_back(clean)


# ------------------------------------------------------------------ a person's edit


def test_a_training_question_edited_into_an_exam_question_is_held_back_and_says_why(store):
    store.put_pairs("c", [pair("a"), exam("e"), pair("b")])
    mine = pair("a").model_copy(update={"question": exam("e").question, "status": "accepted"})
    done = revise(store, "c", [mine])
    assert (done.changed, done.held_back) == (1, {"a": "exam_question"})
    kept = {p.id: p for p in store.pairs("c")}
    assert (kept["a"].status, kept["a"].rejected_by) == ("rejected", "exam_question")
    assert kept["a"].edited and kept["a"].question == exam("e").question
    assert kept["e"].status == kept["b"].status == "proposed"


def test_an_exam_question_edited_into_a_training_question_takes_it_out_of_training(store):
    store.put_pairs("c", [pair("a"), exam("e")])
    mine = exam("e").model_copy(update={"question": pair("a").question})
    assert revise(store, "c", [mine]).held_back == {"a": "exam_question"}
    assert [p.id for p in store.pairs("c") if p.status != "rejected"] == ["e"]
    assert store.undo("c") == 2
    assert store.pairs("c") == [pair("a"), exam("e")]


def test_a_pair_that_is_held_back_cannot_be_accepted_by_a_click(store):
    held = pair("a", question=exam("e").question, status="rejected", rejected_by="exam_question")
    store.put_pairs("c", [held, exam("e")])
    done = revise(store, "c", [held.model_copy(update={"status": "accepted"})])
    assert done.held_back == {"a": "exam_question"}
    revise(store, "c", [exam("e").model_copy(update={"status": "rejected"})])
    assert revise(store, "c", [held.model_copy(update={"status": "accepted"})]).held_back == {}
    assert store.pairs("c")[0].status == "accepted"


def test_a_rejection_by_a_person_is_told_from_a_gates(store):
    store.put_pairs("c", [pair("a")])
    revise(store, "c", [pair("a").model_copy(update={"status": "rejected"})])
    [mine] = store.pairs("c")
    assert (mine.rejected_by, mine.reviewed, mine.edited) == ("person", True, False)
    revise(store, "c", [mine.model_copy(update={"status": "proposed"})])
    assert store.pairs("c")[0].rejected_by == ""


def test_a_pair_that_is_gone_is_not_lost_silently(store):
    store.put_pairs("c", [pair("a")])
    with pytest.raises(Missing) as caught:
        revise(store, "c", [pair("a"), pair("gone")])
    assert caught.value.code == "review.gone"


# ------------------------------------------------------------------ the old corpus, while another is made


def worked_on(store):
    """A corpus with a person's accepted, edited and rejected pair, and an undo to take."""
    make(store, pairs=120)
    a, b, c = [p for p in store.pairs("c") if p.split == "train"][:3]
    accepted = a.model_copy(update={"status": "accepted"})
    edited = b.model_copy(update={"status": "accepted", "answer": "Mine, in my words."})
    rejected = c.model_copy(update={"status": "rejected"})
    assert revise(store, "c", [accepted, edited, rejected]).held_back == {}
    return {p.id: p for p in store.pairs("c") if p.id in (a.id, b.id, c.id)}


def test_a_dead_teacher_leaves_the_old_corpus_its_result_and_its_undo(store):
    worked_on(store)
    before = everything(store)
    with pytest.raises(WorkFailed):
        make(store, LLM, Scripted(lambda _: BadAnswer("no connection")))
    assert everything(store) == before
    assert store.undo("c") == 3


def test_a_teacher_that_mostly_fails_does_not_replace_a_corpus_either(store):
    worked_on(store)
    before = everything(store)
    calls = iter(range(1000))
    flaky = Scripted(lambda r: teach(r) if next(calls) < 100 else BadAnswer("no"))
    with pytest.raises(WorkFailed) as caught:
        make(store, LLM, flaky)
    assert caught.value.code == "distil.unfinished"
    assert everything(store) == before
    assert store.count_draft("c") > 0


class Stop:
    """Stops a run after some progress."""

    def __init__(self, after: int):
        self.left = after

    def __call__(self, progress):
        self.left -= 1
        if self.left < 0:
            raise Cancelled("stop")


@pytest.mark.parametrize("after", [0, 30, 150])
def test_a_cancelled_run_changes_nothing_and_goes_on_without_paying_twice(store, after):
    worked_on(store)
    before, asked = everything(store), []

    def counted(request):
        asked.append(request)
        return teach(request)

    chat = Ledger(Scripted(counted), store)
    with pytest.raises(Cancelled):
        make(store, LLM, chat, report=Stop(after))
    assert everything(store) == before
    assert (store.count_draft("c") > 20) == (after == 150)
    result = make(store, LLM, chat)
    assert len(asked) == len({request.key("m") for request in asked}) == result.asked
    assert store.count_draft("c") == 0
    assert {p.teacher for p in store.pairs("c") if not judged(p)} == {chat.model}


def test_a_crash_in_the_swap_leaves_the_old_corpus(store, monkeypatch):
    worked_on(store)
    before = everything(store)
    monkeypatch.setattr("engine.distil.draft.held_back", lambda pairs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make(store, pairs=40, kinds=("cause",))
    assert everything(store) == before
    monkeypatch.undo()
    make(store, pairs=40, kinds=("cause",))
    assert everything(store) != before


def test_an_uploaded_exam_stays_and_training_keeps_away_from_it(store):
    make(store, pairs=120)
    copied = next(p for p in store.pairs("c") if p.split == "train" and p.kind == "cause")
    up = exam("up", part="uploaded", question=copied.question, status="accepted", evidence=())
    store.put_pairs("c", [up], first=100_000)
    result = make(store, pairs=100)
    now = {p.id: p for p in store.pairs("c")}
    assert now["up"] == up
    assert now[copied.id].rejected_by == "exam_question" and result.removed["exam_question"] == 1
    assert result.pairs == sum(p.status != "rejected" for p in now.values()) - 1


def test_what_a_person_does_while_a_run_goes_on_is_kept(store):
    make(store, pairs=120)
    [mine] = [p for p in store.pairs("c") if p.split == "train"][:1]
    new = mine.model_copy(update={"answer": "Meanwhile, mine.", "status": "accepted"})
    done = []

    def meanwhile(progress):
        if not done:
            done.append(revise(store, "c", [new]))

    make(store, LLM, Scripted(teach), report=meanwhile)
    assert {p.id: p.answer for p in store.pairs("c")}[mine.id] == "Meanwhile, mine."


def test_another_plan_replaces_the_corpus_but_what_people_judged_survives(store):
    mine = worked_on(store)
    make(store, LLM, Scripted(teach))
    now = {p.id: p for p in store.pairs("c")}
    assert {name: now.get(name) for name in mine} == mine
    rest = [p for p in now.values() if p.id not in mine]
    assert rest and {p.teacher for p in rest} == {"scripted"}
    assert store.undo("c") == 0, "an undo would bring back pairs of the old plan"


def test_the_same_plan_again_adds_only_what_is_missing(store):
    calls, busy = [], [word(i) for i in range(6)]

    def late(request):
        calls.append(request)
        passage = tagged(request.messages[-1].content, "passage")
        return (
            BadAnswer("busy") if any(f"A {name} " in passage for name in busy) else teach(request)
        )

    chat = Ledger(Scripted(late), store)
    first = make(store, LLM, chat)
    assert first.failed_calls == 12 and first.lost == 24, (
        "each section is asked twice, for two points"
    )
    some = store.pairs("c")
    revise(store, "c", [some[0].model_copy(update={"status": "accepted"})])
    held = {p.id: p for p in store.pairs("c")}
    busy.clear()
    again = make(store, LLM, chat)
    assert again.failed_calls == 0
    keys = [request.key("m") for request in calls]
    assert len(keys) - len(set(keys)) <= 12, "only the failed calls are made twice"
    now = {p.id: p for p in store.pairs("c")}
    assert {name: now[name] for name in held} == held and len(now) > len(held)
    assert store.undo("c") == 1, "the undo of the same corpus stays"


def test_a_persons_rejection_is_kept_over_remakes(store):
    mine = worked_on(store)
    no = next(p for p in mine.values() if p.status == "rejected")
    for seed in (0, 1, 0):
        make(store, pairs=120, split=SplitPlan(seed=seed, transfer=0))
        [found] = [p for p in store.pairs("c") if p.id == no.id]
        assert (found.status, found.rejected_by) == ("rejected", "person")


def test_discard_throws_the_draft_away_only(store, settings):
    worked_on(store)
    before = everything(store)
    with pytest.raises(Cancelled):
        make(store, LLM, Scripted(teach), report=Stop(100))
    assert store.count_draft("c") > 0
    discard_corpus(Workspace(settings, store, COURSE), LLM)
    assert store.count_draft("c") == 0
    assert everything(store) == before


def test_a_draft_and_a_corpus_bear_one_name(store):
    with pytest.raises(Cancelled):
        make(store, LLM, Scripted(teach), report=Stop(100))
    name = fingerprint(store, "c", LLM)
    assert len(store.open_draft("c", name)) == store.count_draft("c") > 0
    make(store, LLM, Scripted(teach))
    assert store.saved("c", CORPUS).inputs == name
    assert store.open_draft("c", name) == []


def test_a_course_has_one_draft(store):
    other = LLM.model_copy(update={"pairs": 100})
    for plan, after in ((LLM, 100), (other, 100)):
        with pytest.raises(Cancelled):
            make(store, plan, Scripted(teach), report=Stop(after))
    left = store.open_draft("c", fingerprint(store, "c", other))
    assert store.count_draft("c") == len(left) > 0
    assert store.open_draft("c", fingerprint(store, "c", LLM)) == []


def test_another_edit_after_a_swap_is_another_version_of_the_corpus(store):
    """Numbers of the history start again with another plan's corpus; versions must not."""

    def edited(plan, text):
        make(store, plan)
        first = next(p for p in store.pairs("c") if p.kind == "cause" and p.split == "train")
        new = first.model_copy(update={"answer": text, "status": "accepted"})
        revise(store, "c", [new])
        return store.corpus_version("c", "train", "validation")

    plan = DistilPlan(pairs=60, kinds=("cause",))
    versions = [edited(plan, "In one way.")]
    make(store, DistilPlan(pairs=30, kinds=("cause", "fact")))
    versions.append(edited(plan, "In another way."))
    assert len(set(versions)) == 2


# ------------------------------------------------------------------ honest over remakes, and in its figures


def conflicts(store) -> list[str]:
    """What a sceptic would look for, worked out without the guard."""
    live = [p for p in store.pairs("c") if p.status != "rejected"]
    asked = [p for p in live if p.split == "exam"]
    closed = {p.section for p in asked if p.part == "transfer"}
    secret = {p.answer.lower() for p in asked if p.part == "transfer"}
    return [
        p.id
        for p in live
        if p.split != "exam"
        and (
            p.section in closed
            or p.answer.lower() in secret
            or any(similar(p.question, e.question) >= SAME for e in asked)
        )
    ]


def test_pairs_accepted_under_one_seed_never_spoil_the_exam_of_another(store):
    shares = {"transfer": 0.3, "reworded": 0.3, "validation": 0.1}
    make(store, pairs=200, split=SplitPlan(seed=1, **shares))
    accepted = [p.model_copy(update={"status": "accepted"}) for p in store.pairs("c")]
    revise(store, "c", [p for p in accepted if p.part != "transfer"])
    result = make(store, pairs=200, split=SplitPlan(seed=2, **shares))
    assert conflicts(store) == []
    assert result.removed["held_out_section"] > 5
    assert result.transfer > 5 and result.train > 20
    held = [p for p in store.pairs("c") if p.rejected_by == "held_out_section"]
    assert held and all(p.status == "rejected" for p in held)
    make(store, pairs=200, split=SplitPlan(seed=1, **shares))
    back = {p.id: p for p in store.pairs("c")}
    again = [back[p.id] for p in held if p.split == "train"]
    assert all(p.status == "accepted" or p.rejected_by for p in again)
    assert any(p.status == "accepted" for p in again), "what a person accepted is open again"
    assert conflicts(store) == []


def test_nothing_vanishes_from_the_account(store):
    """Every way to be lost, by a teacher and a checker that show it; asked = made + refused + lost."""

    def draw(text):
        return int(content_id(text), 16) % 6

    def poor(passage):
        good, other = two_points(passage)
        number = draw(passage)
        if number == 1:
            return [good, other | {"quote": "This stands nowhere."}]
        if number == 2:
            return [good | {"questions": good["questions"][:1]}, other]
        if number == 3:
            return [good]
        return [good, good] if number == 4 else [good, other]

    class Poor(Agreeable):
        def _questions(self, text):
            found = super()._questions(text)
            if draw(tagged(text, "passage")) == 5:
                found["questions"] = [row | {"self_contained": False} for row in found["questions"]]
            return found

        def _claims(self, text):
            found = super()._claims(text)
            if tagged(text, "question").startswith("Cause"):
                return found | {"answers_question": False, "reason": "another question"}
            return found

    calls = iter(range(10_000))
    teacher = Poor(poor)
    chat = Scripted(lambda r: BadAnswer("no") if next(calls) % 40 == 3 else teacher(r))
    result = make(store, DistilPlan(pairs=2000, teacher="endpoint"), chat)
    points = {k: n for k, n in result.removed.items() if k in POINT_GATES}
    assert {"not_found", "quote", "wordings", "repeated", "beside", "self_contained"} <= set(points)
    assert result.lost and result.failed_calls
    assert result.offered == result.points + sum(points.values()) + result.lost
    assert (result.planned, result.ended) == (2000, "exhausted")
    assert result.examples["beside"][0].reason == "another question"
    assert all(len(found) <= 3 for found in result.examples.values())
    live = [p for p in store.pairs("c") if p.status != "rejected"]
    out = [p for p in store.pairs("c") if p.status == "rejected"]
    assert (
        result.pairs
        == len(live)
        == result.train + result.validation + result.reworded + result.transfer
    )
    assert len(out) == sum(n for gate, n in result.removed.items() if gate not in POINT_GATES)


def test_merge_puts_kept_pairs_in_the_place_that_the_new_plan_gives_them():
    old = [
        exam("a", status="accepted"),
        pair("b"),
        pair("c", status="rejected", rejected_by="person"),
    ]
    made = [exam("a", part="transfer"), pair("d")]
    pairs, left = merge(old, made, same_plan=False)
    assert [(p.id, p.status, p.part) for p in pairs] == [
        ("a", "accepted", "transfer"),
        ("d", "proposed", None),
        ("c", "rejected", None),
    ]
    assert left == []


def test_a_question_that_a_person_settled_is_not_asked_again_with_another_answer():
    mine = pair("a", status="accepted")
    rival = pair("z", question=mine.question)
    assert merge([mine], [rival], same_plan=False) == ([mine], ["z"])
    no = pair("a", status="rejected", rejected_by="person")
    assert [p.id for p in merge([no], [rival], same_plan=False)[0]] == ["z", "a"]


def test_rejections_of_older_stores_are_read_right():
    gate = pair("a", status="rejected", scores={"near_duplicate": 1.0})
    person = pair("b", status="rejected")
    assert (judged(gate), judged(person)) == (False, True)


# ------------------------------------------------------------------ before training and choosing


def spoilt() -> list[Pair]:
    """A store from before the guard: exam matter, and what people rejected, lies in training."""
    asked, secret = exam("e"), exam("t", part="transfer", section="s-t")
    fine = [pair(f"f{i}") for i in range(40)]
    return [
        *fine,
        asked,
        secret,
        pair("copy", question=asked.question),
        pair("leak", answer=secret.answer),
        pair("near", section="s-t"),
        pair("no", status="rejected", rejected_by="person"),
        pair("v", split="validation"),
        pair("v-near", split="validation", section="s-t"),
    ]


HEART = Mixture(by_heart=1.0, reading=0.0, replay=0.0)
BAD = ("copy", "leak", "near", "no", "v-near")


def test_training_takes_only_what_the_guard_lets_through(store, settings):
    store.put_pairs("c", spoilt())
    train, validation, held = rows_to_train(Workspace(settings, store, COURSE), Recipe(), HEART)
    bad = {pair(name).question for name in BAD} | {exam("e").question}
    assert not {row.question for row in (*train, *validation)} & bad
    assert exam("t", part="transfer").answer not in {row.answer for row in train}
    assert (len(train), len(validation)) == (40, 1)
    assert held == {
        "copy": "exam_question",
        "leak": "exam_answer",
        "near": "held_out_section",
        "v-near": "held_out_section",
    }


def test_the_result_of_training_says_how_much_was_held_back(store, settings, monkeypatch, tmp_path):
    store.put_pairs("c", spoilt())
    seen = {}

    made = make_student()

    def train(rows, held, recipe, folder, **_):
        seen["rows"] = [row.question for row in rows]
        seen.setdefault("folders", []).append(folder.name)
        return made.training

    monkeypatch.setattr("engine.steps.train.train", train)
    monkeypatch.setattr("engine.steps.train.publish_local", lambda *a, **k: made.published)
    monkeypatch.setattr("engine.steps.train._panel", lambda *a: ())
    monkeypatch.setattr("engine.steps.train.base_chat", lambda *a: Scripted(lambda _: "no"))
    monkeypatch.setattr("engine.steps.train.student_chat", lambda *a: Scripted(lambda _: "no"))
    workspace = Workspace(settings, store, COURSE)
    plan = TrainPlan(recipe=Recipe(base=str(tmp_path)), mixture=HEART)
    said = TRAIN(workspace, plan)
    assert said.held_back == {"exam_question": 1, "exam_answer": 1, "held_out_section": 2}
    assert store.saved("c", TRAINED).value.held_back == said.held_back
    assert len(seen["rows"]) == 40
    store.put_pairs("c", [exam("u", part="uploaded", question=pair("f0").question)], first=1000)
    assert TRAIN(workspace, plan).held_back["exam_question"] == 2
    assert len(seen["rows"]) == 39
    assert len(set(seen["folders"])) == 2, "other rows are another run"


def test_prompts_are_never_chosen_on_exam_matter(store, monkeypatch):
    from engine.optimise import run

    store.put_pairs("c", spoilt())
    seen = []

    def draw(pairs, plan):
        seen.append(draw_pools(pairs, plan))
        raise Cancelled("seen enough")

    monkeypatch.setattr(run, "draw_pools", draw)
    with pytest.raises(Cancelled):
        run.optimise(COURSE, OptimisePlan(), chat=Scripted(str), store=store, index=None)
    free = {p.id for p in seen[0].free}
    assert free and not free & {*BAD, "e", "t"}


def test_rationales_are_never_chosen_on_exam_matter(store, settings, monkeypatch):
    store.put_pairs("c", spoilt())
    seen = []

    def stop(pairs, *_):
        seen.extend(pairs)
        raise Cancelled("seen enough")

    monkeypatch.setattr("engine.steps.align.align", stop)
    monkeypatch.setattr("engine.steps.align.base_chat", lambda *a: Scripted(str))
    monkeypatch.setattr("engine.steps.align.connected_chat", lambda *a: None)
    with pytest.raises(Cancelled):
        ALIGN(Workspace(settings, store, COURSE))
    assert seen and not {p.id for p in seen} & set(BAD)


def test_no_item_for_choosing_rationales_shares_a_point_with_the_exam(monkeypatch):
    from engine.align import items

    monkeypatch.setattr(items, "embed", lambda texts, **_: np.eye(len(texts)))
    trained = [pair(f"a{i}") for i in range(30)]
    long = " ".join(f"word{i}" for i in range(40))
    held = [exam(f"e{i}") for i in range(9)]
    shared = [
        exam("long", point="point a0", answer=long),
        exam("other", point="point a1", kind="summary"),
        exam("up", point="point a2", part="uploaded"),
    ]
    pools = items.make_pools([*trained, *held, *shared], (10, 40, 5), 0)
    drawn = {item.point for item in (*pools.drafts, *pools.preference)}
    assert len(drawn) == 27 and not drawn & {"point a0", "point a1", "point a2"}
    offered = {o for item in (*pools.drafts, *pools.preference) for o in item.options}
    assert not offered & {p.answer for p in (*held, *shared)}


def test_chosen_lessons_are_trained_and_make_another_run(store, settings, monkeypatch):
    from engine.steps import rows as module
    from engine.steps.train import trained_on
    from engine.train import TrainingRow

    store.put_pairs("c", spoilt())
    workspace = Workspace(settings, store, COURSE)
    before = trained_on(store, "c")
    lesson = TrainingRow(question="Why? Explain.", answer="Because.")
    monkeypatch.setattr(module, "lessons", lambda *_: [lesson])
    monkeypatch.setattr("engine.steps.train.lessons_version", lambda *_: "v")
    assert lesson in rows_to_train(workspace, Recipe(), HEART).train
    assert trained_on(store, "c") != before


def test_the_base_rehearses_its_own_talk_only_where_it_follows_instructions(
    store, settings, monkeypatch, tmp_path
):
    from engine.steps import train as module

    store.put_pairs("c", spoilt())
    workspace, made, seen = Workspace(settings, store, COURSE), make_student(), []

    def rows(*args, replay, **_):
        seen.append(replay)
        return rows_to_train(workspace, Recipe(), HEART)

    monkeypatch.setattr(module, "rows_to_train", rows)
    monkeypatch.setattr(module, "train", lambda *a, **k: made.training)
    monkeypatch.setattr(module, "publish_local", lambda *a, **k: made.published)
    monkeypatch.setattr(module, "_panel", lambda *a: ())
    plan = TrainPlan(recipe=Recipe(base=str(tmp_path)), mixture=HEART)
    for said in ("", "- a\n- b\n*** << >> because green often P.S. Thank you"):
        monkeypatch.setattr(module, "base_chat", lambda *a, said=said: Scripted(lambda _: said))
        monkeypatch.setattr(module, "student_chat", lambda *a, said=said: Scripted(lambda _: said))
        TRAIN(workspace, plan)
    assert seen == [False, True]
    names = {run.name for run in store.all_saved("c", RUNS)}
    TRAIN(workspace, plan.model_copy(update={"mixture": Mixture(by_heart=0.5, reading=0.0)}))
    assert len({run.name for run in store.all_saved("c", RUNS)} - names) == 1, "another mixture"


def test_a_quick_look_asks_nothing_and_rehearses_nothing(store, settings, monkeypatch, tmp_path):
    from engine.steps import train as module

    store.put_pairs("c", spoilt())
    made, seen = make_student(), []
    monkeypatch.setattr(module, "train", lambda *a, **k: made.training)
    monkeypatch.setattr(module, "publish_local", lambda *a, **k: made.published)
    monkeypatch.setattr(module, "_panel", lambda *a: ())
    for name in ("base_chat", "student_chat"):
        monkeypatch.setattr(module, name, lambda *a: pytest.fail("a model was asked"))
    rows = SimpleNamespace(train=[], validation=[])
    monkeypatch.setattr(
        module, "rows_to_train", lambda *a, replay, **k: seen.append(replay) or rows
    )
    plan = TrainPlan(recipe=Recipe(base=str(tmp_path)), mixture=HEART, forgetting=False)
    assert TRAIN(Workspace(settings, store, COURSE), plan).follows == {}
    assert seen == [False]


def test_replay_is_the_base_s_own_words(store, settings, monkeypatch):
    from engine.steps import rows as module

    store.put_pairs("c", spoilt())
    workspace, half = Workspace(settings, store, COURSE), Mixture(by_heart=1, reading=0, replay=0.5)
    monkeypatch.setattr(module, "base_chat", lambda *a: Scripted(lambda r: f"I say {r.key('m')}"))
    rows = rows_to_train(workspace, Recipe(), half).train
    said = [row for row in rows if row.answer.startswith("I say")]
    assert len(said) == len(rows) / 2 == 40
    assert rows_to_train(workspace, Recipe(), half, replay=False).train == [
        row for row in rows if row not in said
    ]
