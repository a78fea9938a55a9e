"""The prompt search: pools that never meet the exam, proposers, resume, and where the choice goes."""

import json

import numpy as np
import pytest

from engine.distil import DistilPlan, fingerprint
from engine.errors import BadAnswer, BadInput, Cancelled, Missing
from engine.llm.ledger import Ledger
from engine.llm.scripted import Scripted
from engine.optimise import OptimisePlan, current, estimate, optimise, use
from engine.optimise import words as prompt_words
from engine.optimise.coursegpt import usable
from engine.optimise.frontier import frontier
from engine.optimise.grading import AnsweredPair, by_reference, eq1, length_ratio
from engine.optimise.pools import draw_pools
from engine.optimise.recombine import combine
from engine.optimise.run import FOUND, SEARCH
from engine.optimise.values import Standing
from engine.prompts import AnswerPrompt, chosen_prompt, prompt_version, start_prompt
from engine.schema import Course, Evidence, Figure, Message, Pair, Passage
from engine.search import Hit
from engine.settings import Settings
from engine.stages import overview
from engine.steps import Workspace
from engine.steps.optimise import OPTIMISE, plan_search
from engine.store import Store
from engine.tutor import open_book

COURSE = Course(id="c", title="C", language="en")
PLAN = OptimisePlan(budget=240, exam=20)


def pair(i: int, split: str, wording: int = 0, part: str | None = None) -> Pair:
    return Pair(
        id=f"p{i}-{wording}",
        question=f"What is thing{i}{' exactly' * wording}?",
        answer=f"Thing{i} is the answer number {i}.",
        kind="definition",
        language="en",
        point=f"point{i}",
        evidence=(Evidence(quote="", section=f"s{i}"),),
        split=split,
        part=part,
    )


def corpus() -> list[Pair]:
    """60 points, two wordings each; every fourth is examined in a third wording; 8 are transfer."""
    found = [pair(i, "train", w) for i in range(60) for w in (0, 1)]
    found += [pair(i, "exam", 2, "reworded") for i in range(0, 60, 4)]
    found += [pair(i, "exam", 0, "transfer") for i in range(60, 68)]
    return found


@pytest.fixture(autouse=True)
def found_by_book(monkeypatch):
    """The tutor's quotes come from ``Book`` here."""

    def shown(question, index):
        return [hit.passage.text for hit in index.search(question, 2)]

    monkeypatch.setattr("engine.optimise.run.shown_for", shown)


class Book:
    """A search index that always finds the passage that holds the answer."""

    def search(self, question: str, k: int) -> list[Hit]:
        i = int("".join(c for c in question if c.isdigit()))
        text = f"Thing{i} is the answer number {i}. Other words follow here, many of them."
        passage = Passage(id=str(i), document="d", section=f"s{i}", title="T", text=text)
        return [Hit(passage=passage, score=0.9)] * k


def answering(request) -> str:
    """A model that is brief where it is told to answer in one sentence, and rambles elsewhere."""
    prompt = " ".join(m.content for m in request.messages)
    i = prompt.split("Thing")[1].split()[0]
    right = f"Thing{i} is the answer number {i}."
    return right if "one sentence" in prompt else right + " And so on and on and on." * 6


def teacher(request) -> str:
    """Answers, judges by length, and writes prompts that are better the later they come."""
    properties = (request.answer_schema or {}).get("properties", {})
    if "overall" in properties:
        brief = "on and on" not in request.messages[-1].content
        marks = {name: 9 if brief else 5 for name in properties if name != "shortcomings"}
        return json.dumps({"shortcomings": "fine" if brief else "far too long"} | marks)
    if "prompt" in properties:
        return json.dumps({"prompt": f"Be good, attempt {request.seed} {len(str(request))}."})
    if "prompts" in properties:
        return json.dumps({"prompts": [f"Answer in one sentence, way {request.seed}.", ""]})
    return answering(request)


class Counting:
    """A chat that remembers every request it was really asked."""

    model = "counting"

    def __init__(self, function) -> None:
        self.chat = Scripted(function, self.model)
        self.requests = []

    def ask(self, requests):
        def noted():
            for request in requests:
                self.requests.append(request)
                yield request

        return self.chat.ask(noted())

    def stream(self, request):
        return self.chat.stream(request)


@pytest.fixture
def store(tmp_path, monkeypatch):
    def fake(texts, **_):
        rows = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[sum(map(ord, word)) % 384] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-6)

    monkeypatch.setattr("engine.judge.embed", fake)
    found = Store(Settings(home=tmp_path).database)
    found.add_course(COURSE)
    found.put_pairs("c", corpus())
    yield found
    found.close()


def search(store, chat, plan=PLAN, judge=None, report=lambda _: None):
    return optimise(COURSE, plan, chat=chat, store=store, index=Book(), judge=judge, report=report)


# ---------------------------------------------------------------------- the prompt


def test_a_prompt_needs_both_slots_once():
    for layout in ("{question}", "{passages}", "{passages} {question} {question}"):
        with pytest.raises(ValueError, match="once each"):
            AnswerPrompt(layout=layout)


def test_data_with_braces_is_not_read_as_a_slot():
    prompt = AnswerPrompt(system="S", layout="Say.\n{passages}\n{question}")
    messages = prompt.messages("what is {passages}?", ["a {question} b", "{x}"])
    assert messages == (
        Message(role="system", content="S"),
        Message(role="user", content="Say.\na {question} b\n\n{x}\nwhat is {passages}?"),
    )
    assert prompt.style == "S\nSay."


def test_every_combination_is_a_prompt_in_both_languages():
    for language in ("en", "zh"):
        parts = prompt_words.fragments(language)
        assert all(len(options) >= 2 for options in parts.values())
        for part, options in parts.items():
            for name in options:
                own = {p: next(iter(o)) for p, o in parts.items()} | {part: name}
                made = combine(own, language)
                assert made.prompt.style
        assert len(prompt_words.roles(language)) == 9  # with the start: the paper's ten


# ---------------------------------------------------------------------- grading, frontier, pools


def test_eq1_penalises_length_on_one_side_only():
    assert eq1(8, 0.2, 0.5) == 8
    assert eq1(8, 1.0, 0.5) == 8
    assert eq1(8, 3.0, 0.5) == 7
    assert length_ratio("one two three four", "one two") == 2
    assert length_ratio("一二三", "一二三四五六") == 0.5


def test_the_reference_judge_orders_answers(store):
    own = pair(1, "train")
    texts = [own.answer, "Thing1 is number 1.", "Bananas are yellow."]
    grades = by_reference([AnsweredPair(pair=own, answer=t, passages=(own.answer,)) for t in texts])
    marks = [grade.quality for grade in grades]
    assert marks[0] == pytest.approx(10)
    assert marks[0] > marks[1] > marks[2] >= 0


def row(name: str, quality: float, length: float) -> Standing:
    def one(value: float) -> Figure:
        return Figure(value=value, low=value, high=value, n=1)

    return Standing(
        prompt=name, n=1, score=one(0), quality=one(quality), length=one(length), penalty=one(0)
    )


def test_frontier_keeps_what_nothing_beats():
    rows = [row("long", 9, 3), row("short", 5, 1), row("worse", 4, 2), row("same", 5, 1.5)]
    assert frontier(rows) == ["short", "long"]
    assert frontier([]) == []


def test_pools_share_no_knowledge_point_with_each_other_or_the_exam():
    pools = draw_pools(corpus(), PLAN)
    points = [{p.point for p in own} for own in (pools.search, pools.validation)]
    exam = {p.point for own in pools.exam.values() for p in own}
    assert not points[0] & points[1]
    assert not (points[0] | points[1]) & exam
    assert len(points[0]) == len(pools.search) == 27
    assert set(pools.exam) == {"reworded", "transfer"}
    assert pools == draw_pools(corpus(), PLAN)
    assert pools.search != draw_pools(corpus(), PLAN.model_copy(update={"seed": 1})).search


def test_too_small_a_corpus_is_refused_in_words():
    with pytest.raises(Missing, match="knowledge points") as caught:
        draw_pools(corpus()[:10], PLAN)
    assert caught.value.code == "optimise.few_pairs"


# ---------------------------------------------------------------------- the searches


def test_recombine_finds_the_brief_prompt_and_reports_on_the_exam(store):
    found = search(store, Scripted(answering))
    assert found.done
    assert "one sentence" in found.candidate(found.best).prompt.text
    assert set(found.frontier) <= {c.id for c in found.candidates}
    assert {row.part for row in found.exam} == {"reworded", "transfer"}
    reworded = next(row for row in found.exam if row.part == "reworded")
    assert reworded.before.n == reworded.after.n == reworded.gains["score"].n == 15
    assert reworded.gains["score"].low > 0
    assert reworded.gains["length"].high < 0
    assert reworded.after.penalty.value < reworded.before.penalty.value
    assert len(found.samples[found.best]) == 3
    paid = found.calls.answers - 2 * (15 + 8)
    assert 0.7 * PLAN.budget <= paid <= 1.1 * PLAN.budget


def test_no_exam_question_is_asked_before_the_choice_is_made(store):
    chat = Counting(answering)
    found = search(store, chat)
    exam = {p.question for p in corpus() if p.split == "exam"}
    asked = [any(q in r.messages[-1].content for q in exam) for r in chat.requests]
    first = asked.index(True)
    assert all(asked[first:])
    assert len(asked) - first == 2 * (15 + 8)
    assert len(found.rounds) >= 2


def test_a_start_that_nothing_beats_stays(store):
    found = search(store, Scripted(lambda r: "always the same"))
    assert found.best == found.start
    assert found.exam[0].gains["score"].value == 0


def test_coursegpt_reflects_and_resamples(store):
    chat = Counting(teacher)
    found = search(store, chat, OptimisePlan(method="coursegpt", budget=200, exam=10), chat)
    origins = [c.origin for c in found.candidates]
    assert origins.count("start") == 1
    assert origins.count("role") == 9
    assert "reflection" in origins
    assert "resample" in origins
    assert found.calls.proposals == 3 * 6
    assert found.calls.judgings == found.calls.answers
    assert "one sentence" in found.candidate(found.best).prompt.text
    assert [r.pool for r in found.rounds] == ["search"] * 4 + ["validation"]
    tasks = [r.messages[-1].content for r in chat.requests if "<instruction" in str(r.messages)]
    assert any("far too long" in t for t in tasks)
    [ranked] = [t for t in tasks if "score=" in t][:1]
    scores = [float(s.split('"')[0]) for s in ranked.split('score="')[1:]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 5


def test_gepa_evolves_from_critiques_and_keeps_the_best(store):
    plan = OptimisePlan(method="gepa", budget=200, exam=10)

    def better(request):
        if "prompt" in (request.answer_schema or {}).get("properties", {}):
            return json.dumps({"prompt": f"Answer in one sentence, attempt {request.seed}."})
        return teacher(request)

    chat = Counting(better)
    found = search(store, chat, plan, chat)
    assert found.calls.proposals > 3
    assert "one sentence" in found.candidate(found.best).prompt.text
    assert found.rounds[-1].pool == "validation"
    assert len(found.rounds) > 2
    tasks = [r.messages[-1].content for r in chat.requests if "<instruction" in str(r.messages)]
    assert any("far too long" in t for t in tasks)
    paid = found.calls.answers - 2 * 20 + found.calls.saved
    assert paid <= 1.2 * plan.budget
    again = Counting(better)
    assert search(store, again, plan, again).best == found.best
    first, second = ([r.key("m") for r in c.requests] for c in (chat, again))
    assert set(second) == set(first)  # the same way again: behind a ledger it costs nothing


def test_gepa_drops_proposals_that_copy_the_book(store):
    leak = corpus()[2].answer + " Say exactly this and nothing else whatever is asked of you."

    def leaking(request):
        if "prompt" in (request.answer_schema or {}).get("properties", {}):
            return json.dumps({"prompt": leak})
        return teacher(request)

    plan = OptimisePlan(method="gepa", budget=80, exam=10)
    chat = Scripted(leaking)
    found = search(store, chat, plan, chat)
    assert found.calls.proposals > 0
    assert not any(leak in c.prompt.text for c in found.candidates)


@pytest.mark.parametrize("method", ["coursegpt", "gepa"])
def test_without_a_teacher_the_methods_that_need_one_say_so(store, method):
    with pytest.raises(Missing) as caught:
        search(store, Scripted(answering), OptimisePlan(method=method))
    assert caught.value.code == "optimise.no_teacher"


def test_a_proposal_that_copies_an_answer_is_dropped():
    long = pair(1, "train").model_copy(
        update={"answer": "A tuple is a sequence of values that cannot change."}
    )
    assert usable("Answer briefly and from the passages.", [long])
    assert not usable("Say that a tuple is a sequence of values that never ends.", [long])
    assert not usable("", [long])
    assert not usable("word " * 500, [long])


def test_failed_answers_and_judgements_are_left_out(store):
    def flaky(request):
        asked = request.messages[-1].content
        if request.answer_schema is None and "5?" in asked:
            return BadAnswer("no", code="teacher.answer")
        if request.answer_schema and "7?" in asked:
            return "not JSON"
        return teacher(request)

    chat = Scripted(flaky)
    found = search(store, chat, OptimisePlan(method="coursegpt", budget=200, exam=10), chat)
    assert found.done
    assert found.calls.failed > 0
    for name in (found.start, found.best):
        assert name in {s.prompt for s in found.rounds[-1].standings}


# ---------------------------------------------------------------------- resume


def test_stopped_and_run_again_nothing_is_paid_twice(store):
    chat = Counting(answering)

    def stop_at(limit):
        def report(progress):
            if progress.done >= limit:
                raise Cancelled("stop")

        return report

    for limit in (30, 120, 200):
        with pytest.raises(Cancelled):
            search(store, Ledger(chat, store), report=stop_at(limit))
        assert not current(store, "c").value.done
    found = search(store, Ledger(chat, store))
    assert found.done
    keys = [request.key("m") for request in chat.requests]
    assert len(keys) == len(set(keys)) == found.calls.answers
    again = search(store, Ledger(chat, store))
    assert len(chat.requests) == len(keys)
    assert again.calls.saved == again.calls.answers
    assert (again.best, again.rounds, again.exam) == (found.best, found.rounds, found.exam)
    assert len(store.all_saved("c", FOUND)) == 1 and not store.all_saved("c", SEARCH)


# ---------------------------------------------------------------------- the choice


def test_the_choice_reaches_tutor_and_teacher(store):
    found = search(store, Scripted(answering))
    extractive, prompted = DistilPlan(), DistilPlan(teacher="endpoint")
    before = [fingerprint(store, "c", plan) for plan in (extractive, prompted)]
    use(store, "c", found, found.best)
    chosen = chosen_prompt(store, "c", "en")
    assert chosen == found.candidate(found.best).prompt
    texts = [hit.passage.text for hit in Book().search("thing1?", 2)]
    assert open_book("q?", texts, "en", chosen) != open_book("q?", texts, "en")
    after = [fingerprint(store, "c", plan) for plan in (extractive, prompted)]
    assert after[0] == before[0]  # the extractive teacher follows no prompt
    assert after[1] != before[1]
    use(store, "c", found, found.start)
    assert prompt_version(store, "c") == ""
    assert fingerprint(store, "c", prompted) == before[1]
    with pytest.raises(Missing):
        use(store, "c", found, "no such prompt")


def test_the_stage_blocks_nothing(store):
    assert overview(store, "c")["prompts"].state == "empty"
    assert overview(store, "c")["student"].lacks is None
    found = search(store, Scripted(answering))
    assert overview(store, "c")["prompts"].state == "review"
    use(store, "c", found, found.start)
    assert overview(store, "c")["prompts"].state == "ready"
    assert overview(store, "c", {"optimise"})["prompts"].state == "running"
    store.put_pairs("c", [pair(99, "train")], first=500)
    assert overview(store, "c")["prompts"].state == "stale"


def test_discarding_drops_only_unfinished_searches(store, tmp_path):
    workspace = Workspace(Settings(home=tmp_path), store, COURSE)
    search(store, Scripted(answering))

    def stop(progress):
        raise Cancelled("stop")

    other = PLAN.model_copy(update={"seed": 4})
    with pytest.raises(Cancelled):
        search(store, Scripted(answering), other, report=stop)
    finished = [row.name for row in store.all_saved("c", FOUND)]
    assert len(finished) == len(store.all_saved("c", SEARCH)) == 1
    OPTIMISE.discard(workspace, PLAN)
    assert not store.all_saved("c", SEARCH)
    assert [row.name for row in store.all_saved("c", FOUND)] == finished


def test_plans_say_what_is_missing(store, tmp_path):
    workspace = Workspace(Settings(home=tmp_path), store, COURSE)
    assert plan_search(workspace, "recombine").model == "embedded"
    with pytest.raises(BadInput, match="evolve"):
        plan_search(workspace, "evolve")
    for method in ("coursegpt", "gepa"):
        with pytest.raises(Missing):
            plan_search(workspace, method)
    chinese = Workspace(workspace.settings, store, COURSE.model_copy(update={"language": "zh"}))
    with pytest.raises(Missing, match="not speak Chinese"):
        plan_search(chinese, "recombine")
    store.choose("", "teacher", {"kind": "endpoint", "base_url": "http://x/v1", "model": "m"})
    assert plan_search(chinese, "recombine").model == "endpoint"
    assert plan_search(workspace, "coursegpt", 400).budget == 400


def test_the_estimate_counts_the_report_too():
    passages = [Passage(id="a", document="d", section="s", title="t", text="x", tokens=260)]
    plain = estimate(corpus(), passages, PLAN)
    assert plain.calls == 240 + 2 * (15 + 8)
    judged = estimate(corpus(), passages, OptimisePlan(method="coursegpt", model="endpoint"))
    assert judged.calls > 2 * 600
    assert plain.minutes[0] < plain.minutes[1] < plain.minutes[2]


def test_start_is_what_the_tutor_always_said():
    texts = [hit.passage.text for hit in Book().search("thing3?", 1)]
    [message] = open_book("thing3?", texts, "en")
    assert message.content.startswith("Answer from these passages of the book.\n\nThing3")
    assert message.content.endswith("\n\nQuestion: thing3?")
    assert start_prompt("zh").layout.endswith("\n\n问题：{question}")


def test_a_frontier_stays_on_the_screen_while_the_next_round_begins(store, monkeypatch):
    saved = []
    keep = store.save

    def save(course, kind, value, **options):
        saved.append(value.model_dump(mode="json"))
        keep(course, kind, value, **options)

    monkeypatch.setattr(store, "save", save)
    optimise(COURSE, PLAN, chat=Scripted(answering), store=store, index=Book())
    begun = [i for i, data in enumerate(saved) if any(r["standings"] for r in data["rounds"])]
    empty = [i for i in begun if not saved[i]["rounds"][-1]["standings"]]
    assert empty, "every round is saved before its first answers"
    assert all(saved[i]["frontier"] for i in begun)
