"""The exam asks taught facts without the words of their subject, and no taught question pays for it."""

import pytest

from engine.corpus import held_back, nearest_pairs, revise
from engine.course import make_passages
from engine.distil import CORPUS, DistilPlan, distil
from engine.distil.prompted import reword
from engine.distil.prompted.reword import Rewording, held, subject_of
from engine.documents import read_document
from engine.errors import BadAnswer
from engine.llm.ledger import Ledger
from engine.llm.scripted import Scripted
from engine.sample import FOLDER
from engine.schema import Course
from engine.settings import Settings
from engine.store import Store
from tests.bench.teacher.scripted import REFAULTS, ScriptedTeacher
from tests.unit.teaching import step_of

KINDS = ("definition", "cause", "comparison", "fact")
PLAN = DistilPlan(pairs=120, kinds=KINDS, teacher="endpoint", judge=False, rewordings=12)


@pytest.fixture(params=["en", "zh"])
def course(request):
    return Course(id="c", title="C", language=request.param)


@pytest.fixture
def shelf(tmp_path, course):
    book = read_document(FOLDER / f"textbook_{course.language}.md", Settings(home=FOLDER))
    opened = []

    def new():
        store = Store(f"sqlite:///{tmp_path / f'{len(opened)}.db'}")
        opened.append(store)
        store.add_course(course)
        store.add_document("c", book)
        store.replace_passages("c", make_passages([book]))
        return store

    yield new
    for store in opened:
        store.close()


def sound_but(share):
    """A teacher that asks and answers soundly, and spoils a share of its rewordings."""

    class Spoiling(ScriptedTeacher):
        def _fault(self, *parts):
            return None

    return lambda course: Spoiling(course.language, share)


def make(store, course, plan=PLAN, teacher=None, share=0.0):
    own = teacher or sound_but(share)(course)
    distil(course, plan, chat=Ledger(Scripted(own), store), store=store)
    return own


def reworded(store):
    return [p for p in store.pairs("c") if p.part == "natural" and p.teacher == "scripted"]


def test_taught_facts_are_asked_in_other_words_and_answered_as_taught(shelf, course):
    store = shelf()
    make(store, course)
    found = reworded(store)
    account = store.saved("c", CORPUS).value.result.rewordings
    assert len(found) == account.made == 12 and account.lookup.n == 12
    trained = {}
    for pair in store.pairs("c"):
        if pair.split == "train":
            trained.setdefault(pair.point, []).append(pair)
    assert len({pair.point for pair in found}) == 12
    for pair in found:
        own = trained[pair.point]
        assert pair.split == "exam" and {p.answer for p in own} == {pair.answer}
        subject = subject_of([p.question for p in own], (), course.language)
        assert subject and not held(subject, pair.question, course.language)
    sections = [pair.section for pair in found]
    assert len(set(sections[:8])) == 8, "one a section before any has two"


def test_planted_faults_stay_out_and_each_is_counted(shelf, course):
    store = shelf()
    teacher = make(
        store, course, PLAN.model_copy(update={"pairs": 190, "rewordings": 60}), share=0.6
    )
    account = store.saved("c", CORPUS).value.result.rewordings
    assert account.asked == account.made + account.lost + sum(account.removed.values())
    made = {pair.question for pair in reworded(store)}
    planted = {q for q, fault in teacher.reworded.items() if fault}
    kinds = {fault for fault in teacher.reworded.values() if fault}
    assert kinds >= set(REFAULTS) - {"none"}
    assert not planted & made
    gates = {"no_rewording", "subject_word", "self_contained", "other_answer", "near_question"}
    assert set(account.removed) == gates and set(account.examples) == gates
    sound = {q for q, fault in teacher.reworded.items() if not fault}
    assert len(sound) > 8 and len(sound - made) <= 1, "false alarms"


def test_no_taught_question_is_lost_to_a_rewording(shelf, course, monkeypatch):
    def usable(plan, share=0.6):
        store = shelf()
        make(store, course, plan, share=share)
        assert held_back(store.pairs("c")) == {}
        return [p for p in store.pairs("c") if p.split != "exam" and p.status != "rejected"]

    without = usable(PLAN.model_copy(update={"rewordings": 0}))
    assert usable(PLAN) == without
    monkeypatch.setattr(reword, "near_duplicates", lambda *_: set())
    monkeypatch.setattr(reword, "held", lambda *_: frozenset())
    monkeypatch.setattr(reword, "_fault", lambda _: None)
    assert len(usable(PLAN)) < len(without), "without the gates some are lost: the test can fail"


def test_a_run_again_pays_for_nothing_and_changes_nothing(shelf, course):
    store, asked = shelf(), []
    teacher = sound_but(0.3)(course)

    def counted(request):
        asked.append(step_of(request.answer_schema))
        return teacher(request)

    make(store, course, teacher=counted)
    before, calls = store.pairs("c"), len(asked)
    assert "reword" in asked and "reworded" in asked
    make(store, course, teacher=counted)
    assert store.pairs("c") == before and len(asked) == calls


def test_a_failed_call_loses_its_rewording_alone_and_is_told(shelf, course):
    store, teacher = shelf(), sound_but(0.0)(course)
    calls = iter(range(1000))

    def flaky(request):
        bad = step_of(request.answer_schema) == "reword" and next(calls) % 3 == 0
        return BadAnswer("no connection") if bad else teacher(request)

    make(store, course, teacher=flaky)
    result = store.saved("c", CORPUS).value.result
    assert result.failed_calls == result.rewordings.lost > 0
    assert result.rewordings.made == 12, "other points take their places"


def test_what_a_person_rejected_is_not_asked_for(shelf, course):
    store = shelf()
    make(store, course)
    gone = reworded(store)[0].point
    own = [p for p in store.pairs("c") if p.point == gone and p.split == "train"]
    revise(store, "c", [p.model_copy(update={"status": "rejected"}) for p in own])
    again = PLAN.model_copy(update={"rewordings": 11})
    make(store, course, again)
    assert gone not in {p.point for p in reworded(store)} and len(reworded(store)) == 11


def test_only_an_endpoint_rewords_and_the_others_corpora_keep_their_names():
    assert DistilPlan(teacher="endpoint").reworded == 60
    for teacher in ("extractive", "embedded"):
        plan = DistilPlan(teacher=teacher)
        assert plan.reworded == 0 and "rewordings" not in plan.made_from


def test_the_subject_is_what_the_wordings_share():
    own = ["What is a hash table?", "Explain hash tables to a beginner.", "Hash table: what is it?"]
    assert subject_of(own, (), "en") == {"hash", "tabl"}
    assert subject_of(own, {"tabl"}, "en") == {"hash"}
    assert held({"hash"}, "What about hashes?", "en") and not held({"hash"}, "a lookup?", "en")
    assert "栈" in subject_of(["什么是栈？", "请说明栈的含义。"], (), "zh")
    assert held({"栈"}, "入栈是啥", "zh")


def test_a_lookup_is_reported_for_what_it_finds(shelf, course):
    store = shelf()
    make(store, course)
    trained = [p for p in store.pairs("c") if p.split == "train"]
    [same] = nearest_pairs(trained[3].question, trained, 1)
    assert same.point == trained[3].point
    assert nearest_pairs("㐀㐁", trained, 1) == []
    run = Rewording(store.pairs("c"), {}, course.language, teacher=None, checker=None, wanted=1)
    run.made = [trained[3], reworded(store)[0]]
    assert run.told().lookup.value == 0.5
