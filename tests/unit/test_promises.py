"""Each promise of the LLM teacher by itself: break it in the code, and one of these fails."""

import json

import numpy as np
import pytest

from engine.course import SplitPlan, make_passages
from engine.distil import CORPUS, DistilPlan, distil
from engine.distil.plan import chosen_passages
from engine.distil.prompted import Cast, lessons_of, view_of
from engine.distil.prompted.coursegpt import CourseGPT
from engine.distil.prompted.grid import Grid
from engine.distil.prompted.repeats import Repeats
from engine.distil.prompted.values import Account, Proposal
from engine.distil.prompted.view import BookView
from engine.errors import BadAnswer
from engine.language import table
from engine.llm.scripted import Scripted
from engine.prompts import AnswerPrompt, start_prompt
from engine.schema import Block, Course, Document, Passage, Section
from engine.search import Hit
from engine.store import Store
from tests.unit.teaching import DIMENSIONS, Agreeable, numbered, point, step_of, tagged

TEXTS = {
    "en": (
        "A train covers 60 kilometres in one hour. It carries 200 people.",
        "A ferry is a ship that carries cars. Ferries are slow because they are heavy.",
    ),
    "zh": ("火车一小时行驶60公里。它载有200人。", "渡轮是运载汽车的船。渡轮很慢，因为它们很重。"),
}
QUOTES = {
    "en": ("A train covers 60 kilometres in one hour.", "A ferry is a ship that carries cars."),
    "zh": ("火车一小时行驶60公里。", "渡轮是运载汽车的船。"),
}
ASKED = {
    "en": [
        "How far does a train go in an hour?",
        "Name the distance that a train makes hourly.",
        "What way is covered by rail every sixty minutes?",
        "Sixty minutes aboard: how many kilometres?",
    ],
    "zh": ["火车一小时走多远？", "请说出火车每小时的路程。", "铁路上六十分钟能走多少？", "坐一个钟头火车有几公里？"],
}  # fmt: skip


@pytest.fixture(params=["en", "zh"])
def language(request):
    return request.param


def book(language):
    more = " ".join(TEXTS[language][1] for _ in range(4))
    texts = (TEXTS[language][0] + more, more)
    own = tuple(
        Section(
            id=f"s{i}", title=f"T{i}", language=language, blocks=(Block(text=text, page=i + 1),)
        )
        for i, text in enumerate(texts)
    )
    return Document(id="d" * 16, title="T", filename="t.md", language=language, sections=own)


def lesson(
    language,
    teacher,
    *,
    checker=None,
    second=None,
    prompt=None,
    trusted=False,
    points=1,
    document=None,
    **plan,
):
    """One run until ``points`` are wanted; the points, the account, and the lessons."""
    values = {"pairs": 10, "teacher": "endpoint", "judge": False, "split": SplitPlan(transfer=0)}
    if wish := plan.pop("plan_prompt", ""):
        plan["prompt"] = wish
    plan = DistilPlan(**(values | plan))
    documents = [document or book(language)]
    course = Course(id="c", title="C", language=language)
    chat, account, made = Scripted(teacher, "one"), Account(), []
    teachers = (chat, Scripted(second, "two")) if second else (chat,)
    cast = Cast(teachers, Scripted(checker, "checker") if checker else chat, prompt, trusted)
    view = view_of(course, documents, make_passages(documents), plan)
    lessons = lessons_of(view, documents, plan, cast, account, wanted=lambda: points - len(made))
    for found in lessons:
        made += found
    return made, account, lessons


def offering(*points):
    """What a teacher offers of any passage that holds the quotes."""
    return lambda passage: [p for p in points if p["quote"] in passage]


def seen(teacher, step=None):
    """The teacher, which notes the requests (of one step)."""
    notes = []

    def asked(request):
        if step in (None, step_of(request.answer_schema)):
            notes.append(request)
        return teacher(request)

    return asked, notes


def replying(teacher, **steps):
    """The teacher with some steps answered by functions of the prompt's text."""

    def asked(request):
        own = steps.get(step_of(request.answer_schema))
        if own is None:
            return teacher(request)
        said = own(request.messages[-1].content)
        return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)

    return asked


# ------------------------------------------------------------------ numbers, from asked to pair


def numeric(language, expression, answer):
    teacher = Agreeable(
        offering(point(QUOTES[language][0], ASKED[language], kind="numeric", expression=expression))
    )
    teacher.answers = dict.fromkeys(ASKED[language], answer)
    return teacher


@pytest.mark.parametrize(
    ("expression", "answer"),
    [("60 * 3", "60 * 3 = 180"), ("60 × 3 ÷ 4", "60 × 3 ÷ 4 = 45.0"), ("100/3", "100/3 = 33.33")],
)
def test_a_right_computation_becomes_pairs(language, expression, answer):
    made, account, _ = lesson(language, numeric(language, expression, answer), kinds=("numeric",))
    assert [p.answer for p in made] == [answer] and made[0].kind == "numeric"
    assert made[0].evidence[0].quote == QUOTES[language][0] and not account.refused["computed"]


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("60 * 3", "60 * 3 = 190"),
        ("60 * 4", "60 * 3 = 180"),
        ("60 * 3", "far"),
        ("60 * 3", "1800"),
        ("100/3", "100/3 = 33.43"),
        ("sixty times 3", "180"),
        ("__import__('os').getpid()", "180"),
        ("60 / 0", "0"),
        ("", "180"),
    ],
)
def test_a_wrong_computation_becomes_none_and_is_counted_with_its_reason(
    language, expression, answer
):
    made, account, lessons = lesson(
        language, numeric(language, expression, answer), kinds=("numeric",)
    )
    assert made == [] and lessons.ended == "exhausted"
    assert account.refused["computed"] > 0
    assert expression in account.examples["computed"][0].reason


def test_what_cannot_be_computed_is_refused_before_anything_else_is_paid_for(language):
    asked, notes = seen(numeric(language, "sixty", "180"))
    lesson(language, asked, kinds=("numeric",))
    assert {step_of(request.answer_schema) for request in notes} == {"ask"}


def test_numbers_are_asked_for_only_where_the_passage_has_some(language):
    asked, notes = seen(numeric(language, "1 + 1", "3"), "ask")
    lesson(language, asked, kinds=("numeric",))
    assert notes
    for request in notes:
        passage = tagged(request.messages[-1].content, "passage")
        assert any(character.isdigit() for character in passage)


# ------------------------------------------------------------------ each gate by itself


def plain(language, **changes):
    changes = {"kind": "fact", "quote": QUOTES[language][0]} | changes
    return Agreeable(offering(point(changes.pop("quote"), ASKED[language], **changes)))


def flags(**changes):
    row = {"self_contained": True, "answerable": True, "same": True, "reason": "because"} | changes
    return lambda text: {"questions": [row for _ in numbered(tagged(text, "questions"))]}


def claims(verdict="entailed", n=1, **changes):
    def said(text):
        answer = tagged(text, "answer")
        row = {"claim": answer, "verdict": verdict, "quote": answer}
        found = {"claims": [row] * n, "answers_question": True, "alike": True, "reason": "because"}
        return found | changes

    return said


FAULTS = {
    "self_contained": {"questions": flags(self_contained=False)},
    "unanswerable": {"questions": flags(answerable=False)},
    "wordings": {"questions": flags(same=False)},
    "beside": {"claims": claims(answers_question=False)},
    "unsupported": {"claims": claims("missing")},
    "round_trip": {"claims": claims(alike=False)},
}


@pytest.mark.parametrize("gate", FAULTS)
def test_each_check_takes_out_what_it_finds_and_says_so(language, gate):
    assert lesson(language, plain(language))[0], "without the fault it is made"
    made, account, _ = lesson(language, replying(plain(language), **FAULTS[gate]))
    assert made == [] and account.refused[gate] > 0
    assert account.examples[gate][0].question == ASKED[language][0]
    assert account.asked == account.made + account.failed + sum(account.refused.values())


@pytest.mark.parametrize("fault", ["contradicted", "nothing claimed", "empty", "no quote"])
def test_an_answer_that_the_source_does_not_bear_out_is_no_answer(language, fault):
    teacher = plain(language, quote="" if fault == "no quote" else QUOTES[language][0])
    if fault == "no quote":
        teacher.answers = dict.fromkeys(ASKED[language], "elsewhere")
    said = {
        "contradicted": {"claims": claims("contradicted")},
        "nothing claimed": {"claims": claims(n=0)},
        "empty": {"answer": lambda _: " "},
        "no quote": {},
    }[fault]
    made, account, _ = lesson(language, replying(teacher, **said))
    gate = {"empty": "beside", "no quote": "quote"}.get(fault, "unsupported")
    assert made == [] and account.refused[gate] > 0


def test_a_quote_that_is_not_in_the_passage_is_refused_before_any_check(language):
    spoilt = Agreeable(lambda _: [point("nobody said this", ASKED[language], kind="fact")])
    asked, notes = seen(spoilt)
    made, account, _ = lesson(language, asked)
    assert made == [] and account.refused["quote"] > 0
    assert {step_of(request.answer_schema) for request in notes} == {"ask"}


def test_one_wording_is_not_enough(language):
    one = Agreeable(offering(point(QUOTES[language][0], ASKED[language][:1], kind="fact")))
    asked, notes = seen(one)
    made, account, _ = lesson(language, asked)
    assert made == [] and account.refused["wordings"] > 0
    assert {step_of(request.answer_schema) for request in notes} == {"ask"}, "nothing was checked"


def test_a_point_keeps_the_wordings_that_stand(language):
    def some(text):
        rows = [flags()(text)["questions"][0] for _ in numbered(tagged(text, "questions"))]
        return {"questions": [row | {"same": i != 1} for i, row in enumerate(rows)]}

    made, _, _ = lesson(language, replying(plain(language), questions=some))
    kept = (*made[0].questions, *made[0].held_out)
    assert kept == tuple(q for i, q in enumerate(ASKED[language]) if i != 1)


def test_the_round_trip_asks_by_another_wording_and_without_the_chosen_prompt(language):
    chosen = AnswerPrompt(system="CHOSEN", layout=start_prompt(language).layout)
    asked, notes = seen(plain(language), "answer")
    lesson(language, asked, prompt=chosen)
    first, again = notes
    assert (
        first.messages[0].content == "CHOSEN" and ASKED[language][0] in first.messages[-1].content
    )
    assert again.messages[0].content != "CHOSEN"
    assert ASKED[language][-1] in again.messages[-1].content
    assert ASKED[language][0] not in again.messages[-1].content


# ------------------------------------------------------------------ repeats


def two(language, **second):
    """The same question, then one that the test makes."""
    own = {"quote": QUOTES[language][0], "questions": ASKED[language], "kind": "fact"} | second
    offers = [
        point(QUOTES[language][0], ASKED[language], kind="fact"),
        point(own.pop("quote"), own.pop("questions"), **own),
    ]
    return Agreeable(offering(*offers))


OTHER = {
    "en": ["What is a ferry?", "Say what one calls a ferry.", "Ferry: meaning?", "Define ferries, please."],
    "zh": ["渡轮是什么？", "说说什么叫渡轮。", "渡轮的含义？", "请给渡轮下定义。"],
}  # fmt: skip


def test_the_same_answer_from_the_same_quote_is_one_point(language):
    teacher = two(language, questions=OTHER[language])
    quote = QUOTES[language][0]
    teacher.answers = dict.fromkeys(OTHER[language], f"OK: {quote}")
    made, account, _ = lesson(language, replying(teacher, claims=claims()), points=2)
    assert len(made) == 1 and account.refused["repeated"] > 0


def test_answers_from_one_quote_with_other_numbers_are_two(language):
    teacher = two(language, questions=OTHER[language])
    quote = QUOTES[language][0]
    teacher.answers = dict.fromkeys(OTHER[language], quote.replace("60", "61"))
    made, _, _ = lesson(language, teacher, points=2)
    assert len(made) == 2


def test_a_question_in_the_words_of_another_is_refused_before_it_is_checked(language):
    teacher = two(language, quote=QUOTES[language][1], questions=ASKED[language][::-1])
    asked, notes = seen(teacher, "questions")
    made, account, _ = lesson(language, asked, points=3)
    assert len(made) == 1 and account.refused["repeated"] > 0
    keys = [request.key("m") for request in notes]
    assert len(set(keys)) == len(keys), "what is known is not checked again"


def proposal(question, answer, quote=""):
    return Proposal(
        kind="fact", questions=(question, f"{question}!"), source=(), section="s", answer=answer,
        cited=(quote,) if quote else (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (proposal("Who feeds a cat?", "Milk is white."), True),  # the answer, word for word
        (proposal("Which hue has milk?", "It is of white hue."), True),  # by embedding alone
        (proposal("Which hue have 2 milks?", "It is of white hue."), False),  # other numbers
        (proposal("Why is grass green?", "Because of chlorophyll."), False),
    ],
)
def test_a_point_is_known_again_by_its_answer_and_by_its_meaning(monkeypatch, other, same):
    def embed(texts):
        near = [any(word in text for word in ("milk", "Milk", "hue")) for text in texts]
        return np.eye(2)[np.array(near, dtype=int)]

    monkeypatch.setattr("engine.distil.prompted.repeats.embed", embed)
    repeats = Repeats()
    assert repeats.admit([proposal("What colour is milk?", "Milk is white.")]) == [""]
    assert repeats.admit([other]) == (["What colour is milk?"] if same else [""])


# ------------------------------------------------------------------ the judge


def scored(overall):
    return lambda _: {"shortcomings": "thin"} | dict.fromkeys(DIMENSIONS, overall)


@pytest.mark.parametrize(
    ("trusted", "floor", "made"), [(False, 5, True), (True, 5, False), (True, 4, True)]
)
def test_a_judge_takes_out_under_its_floor_only_where_it_is_trusted(language, trusted, floor, made):
    teacher = replying(plain(language), judge=scored(4))
    found, account, _ = lesson(language, teacher, trusted=trusted, judge=True, judge_floor=floor)
    assert bool(found) == made
    if made:
        assert found[0].scores == dict.fromkeys(DIMENSIONS, 4.0)
    else:
        assert account.examples["judge"][0].reason == "thin"


def test_a_judge_that_fails_loses_nothing_and_one_that_is_not_wanted_is_not_asked(language):
    failing = replying(plain(language), judge=lambda _: "no JSON")
    made, account, _ = lesson(language, failing, trusted=True, judge=True, judge_floor=5)
    assert made and made[0].scores == {} and account.failed_calls == 1
    asked, notes = seen(plain(language))
    lesson(language, asked, judge=False)
    assert "judge" not in {step_of(request.answer_schema) for request in notes}


def test_a_run_trusts_the_judge_only_after_the_audit(language, store, monkeypatch):
    from engine.distil import run

    course = store.course("c")
    for agreed in (False, True):
        audited = type("Audit", (), {"may_filter": agreed})()
        monkeypatch.setattr(run, "audit", lambda _, found=audited: found)
        assert run.cast_of(course, store, Scripted(str)).trusted is agreed


def test_another_model_checks_and_scores_where_there_is_one(language):
    first, asked = seen(plain(language))
    other, checked = seen(plain(language))
    lesson(language, first, checker=other, judge=True)
    steps = {step_of(request.answer_schema) for request in asked}
    assert steps == {"ask", "answer"}
    assert {step_of(r.answer_schema) for r in checked} == {"questions", "answer", "claims", "judge"}


def test_the_judge_of_a_run_is_the_one_it_was_given(language, store):
    from engine.distil.run import cast_of

    one, other = Scripted(str, "one"), Scripted(str, "other")
    course = store.course("c")
    assert cast_of(course, store, one).judge is one
    assert cast_of(course, store, one, judge=other).judge is other
    assert cast_of(course, store, one, second=other).teachers == (one, other)


def test_what_a_second_teacher_asked_is_answered_by_the_first(language):
    first, answered = seen(plain(language))
    second, asked = seen(plain(language))
    made, _, _ = lesson(
        language, first, second=second, checker=plain(language), recipe="coursegpt", points=2
    )
    assert {step_of(request.answer_schema) for request in asked} == {"seeded"}
    assert {step_of(request.answer_schema) for request in answered} == {"seeded", "answer"}
    assert len(made) == 1, "both asked the same of the same passage, which is one point"


# ------------------------------------------------------------------ talks and refusals

TALK = {"en": ("What is a train?", "It runs on rails."), "zh": ("火车是什么？", "它在铁轨上跑。")}


def talking(language, kind="dialogue"):
    question, answer = TALK[language]
    turns = [{"question": question, "answer": answer}]
    return plain(language, kind=kind, turns=turns)


def test_a_talk_is_told_to_every_pass_and_kept(language):
    asked, notes = seen(talking(language))
    made, _, _ = lesson(language, asked, kinds=("dialogue",))
    assert [(turn.question, turn.answer) for turn in made[0].turns] == [TALK[language]]
    after = [r for r in notes if step_of(r.answer_schema) != "ask"]
    assert len(after) == 4
    for request in after:
        told = "\n".join(message.content for message in request.messages)
        assert TALK[language][0] in told and TALK[language][1] in told


def test_only_a_dialogue_has_a_talk(language):
    made, _, _ = lesson(language, talking(language, kind="fact"))
    assert made[0].turns == ()


def unanswerable(language):
    return plain(language, kind="unanswerable")


def test_what_the_book_does_not_answer_is_refused_with_the_nearest_that_it_says(language):
    teacher, notes = seen(replying(unanswerable(language), questions=flags(answerable=False)))
    made, _, _ = lesson(language, teacher, kinds=("unanswerable",))
    quote = QUOTES[language][0]
    refusal = table(language, "distil")["refusal"].format(title="T0", quote=quote)
    assert made[0].answer == refusal and made[0].evidence[0].quote == quote
    assert {step_of(request.answer_schema) for request in notes} == {"ask", "questions"}


def test_what_the_book_answers_after_all_is_not_refused(language):
    made, account, _ = lesson(language, unanswerable(language), kinds=("unanswerable",))
    assert made == [] and account.refused["in_book"] > 0


def test_a_refusal_is_held_against_more_of_the_book_than_its_passage(language):
    teacher, notes = seen(
        replying(unanswerable(language), questions=flags(answerable=False)), "questions"
    )
    lesson(language, teacher, kinds=("unanswerable",))
    passage = tagged(notes[0].messages[-1].content, "passage")
    assert TEXTS[language][0] in passage and passage.count(QUOTES[language][1]) > 5


def test_a_misconception_is_answered_by_naming_it(language):
    wrong = {"en": "Trains fly.", "zh": "火车会飞。"}[language]
    teacher, notes = seen(plain(language, kind="misconception", wrong=wrong), "answer")
    lesson(language, teacher, kinds=("misconception",))
    assert wrong in notes[0].messages[-1].content


def test_the_exam_asks_neither_talks_nor_refusals(language):
    split = SplitPlan(transfer=1.0)
    for kind in ("dialogue", "unanswerable"):
        asked, notes = seen(plain(language, kind=kind))
        made, _, lessons = lesson(language, asked, kinds=(kind,), split=split)
        assert (made, notes, lessons.ended) == ([], [], "exhausted")


# ------------------------------------------------------------------ how far a run goes


def counting(language):
    """A teacher that offers another new point of the passage in each call, five in all."""
    left = iter(range(5))

    def offer(passage):
        n = next(left, None)
        if n is None or QUOTES[language][0] not in passage:
            return []
        asked = [f"{q} ({n})" for q in ASKED[language]]
        return [point(QUOTES[language][0], asked, kind="fact")]

    teacher = Agreeable(offer)

    def answer(text):
        n = next(n for n in range(5) if f"({n})" in text)
        return f"{QUOTES[language][0]} {n * 1111}"

    return replying(teacher, answer=answer, claims=claims(), questions=flags())


def quoted(language):
    """Claims that cite the passage's sentence, whatever the answer."""

    def said(text):
        row = {"claim": "c", "verdict": "entailed", "quote": QUOTES[language][0]}
        return {"claims": [row], "answers_question": True, "alike": True, "reason": ""}

    return said


def test_a_run_goes_on_until_as_many_are_made_as_were_wanted(language):
    teacher = replying(counting(language), claims=quoted(language))
    made, account, lessons = lesson(language, teacher, points=2)
    assert len(made) >= 2 and lessons.ended == "planned"
    assert account.asked > account.made >= 2, "more calls than one were needed"


def test_a_book_without_more_is_exhausted_and_every_question_accounted_for(language):
    made, account, lessons = lesson(language, plain(language), points=50)
    assert len(made) == 1 and lessons.ended == "exhausted"
    assert account.refused["not_found"] > 0
    assert account.asked == account.made + account.failed + sum(account.refused.values())


@pytest.mark.parametrize("step", ["ask", "questions", "answer", "claims"])
def test_a_failed_call_is_counted_as_lost_in_whichever_pass(language, step):
    calls, sound = iter(range(100)), plain(language)

    def flaky(request):
        bad = step_of(request.answer_schema) == step and next(calls) == 0
        return BadAnswer("no") if bad else sound(request)

    _, account, _ = lesson(language, flaky, points=3)
    assert account.failed >= 1 and account.failed_calls == 1
    assert account.asked == account.made + account.failed + sum(account.refused.values())


@pytest.fixture
def store(tmp_path, language):
    found = Store(f"sqlite:///{tmp_path / 'rows.db'}")
    found.add_course(Course(id="c", title="C", language=language))
    found.add_document("c", book(language))
    found.replace_passages("c", make_passages([book(language)]))
    yield found
    found.close()


def plenty(language):
    """A teacher that offers five new points in every call, of whichever passage."""
    numbers = iter(range(1, 1000))

    def offer(_):
        return [
            point(QUOTES[language][1], [f"{q} ({n})" for q in ASKED[language]], kind="fact")
            for n in [next(numbers) for _ in range(5)]
        ]

    def answer(text):
        return f"{QUOTES[language][0]} {text.rpartition('(')[2]}"

    teacher = Agreeable(offer)
    said = {"claims": lambda text: quoted(language)(text), "questions": flags(), "answer": answer}
    return replying(teacher, **said)


def test_a_whole_run_accounts_for_every_question_also_those_not_needed(
    store, language, monkeypatch
):
    kept = []

    class Kept(Account):
        def __init__(self):
            super().__init__()
            kept.append(self)

    monkeypatch.setattr("engine.distil.run.Account", Kept)
    split = SplitPlan(transfer=0, reworded=1.0)  # so that each point gives four pairs
    plan = DistilPlan(pairs=10, teacher="endpoint", judge=False, rewordings=0, split=split)
    result = distil(store.course("c"), plan, chat=Scripted(plenty(language)), store=store)
    removed = {k: n for k, n in result.removed.items() if k != "same_wording"}
    assert result.removed["surplus"] > 0
    [account] = kept
    assert account.made == result.points
    assert account.asked == account.made + account.failed + sum(account.refused.values())
    assert result.offered == result.points + result.lost + sum(removed.values())
    assert result.ended == "planned" and store.saved("c", CORPUS).value.result == result


def test_a_run_that_goes_on_asks_exactly_what_it_asked_before(language):
    def requests():
        asked, notes = seen(replying(counting(language), claims=quoted(language)), "ask")
        lesson(language, asked, points=2)
        return [request.key("m") for request in notes]

    first = requests()
    assert len(set(first)) == len(first) > 1 and requests() == first


def test_what_was_asked_in_a_section_is_told_to_its_next_call(language):
    asked, notes = seen(replying(counting(language), claims=quoted(language)), "ask")
    made, _, _ = lesson(language, asked, points=3)
    own = [r.messages[-1].content for r in notes if QUOTES[language][0] in r.messages[-1].content]
    assert made[0].questions[0] not in own[0] and made[0].questions[0] in own[1]


def test_a_way_of_studying_that_the_teacher_named_leads_the_next_call(language):
    inner = replying(counting(language), claims=quoted(language))

    def naming(request):
        said = inner(request)
        if step_of(request.answer_schema) != "ask":
            return said
        return json.dumps(json.loads(said) | {"strategies": ["WAYOFSTUDY"]})

    asked, notes = seen(naming, "ask")
    lesson(language, asked, points=3)
    own = [r.messages[-1].content for r in notes if QUOTES[language][0] in r.messages[-1].content]
    assert "WAYOFSTUDY" not in own[0] and "WAYOFSTUDY" in own[1]


def test_the_designers_wish_is_told(language):
    asked, notes = seen(plain(language), "ask")
    lesson(language, asked, prompt=None, plan_prompt="WISH")
    assert all("WISH" in request.messages[-1].content for request in notes)


def test_cells_that_the_corpus_has_least_of_are_asked_first(language):
    asked, notes = seen(replying(counting(language), claims=quoted(language)), "ask")
    lesson(language, asked, points=3, kinds=("fact", "cause", "summary"))
    own = [r.messages[-1].content for r in notes if QUOTES[language][0] in r.messages[-1].content]
    how = table(language, "distil")["how"]
    assert how["fact"] in own[0] and how["cause"] in own[0] and how["summary"] not in own[0]
    assert how["summary"] in own[1], "a call asks for two of them"


def test_a_level_is_kept_with_the_point(language):
    made, _, _ = lesson(language, plain(language, level="apply"))
    assert made[0].level == "apply"


def test_a_teacher_that_never_answers_ends_the_run_as_failing(language):
    many = [
        Section(id=f"s{i}", title=f"T{i}", language=language,
                blocks=(Block(text=TEXTS[language][1] * 5 + f" {i}", page=1),))
        for i in range(12)
    ]  # fmt: skip
    document = book(language).model_copy(update={"sections": tuple(many)})
    made, account, lessons = lesson(
        language, lambda _: BadAnswer("no"), points=40, document=document
    )
    assert made == [] and lessons.ended == "failing"
    assert account.failed_calls == account.calls == 8, "the first wave, and no more"


def test_a_question_without_a_passage_keeps_exam_and_training_apart(language):
    """A sampled question's passages are all of the exam's sections, or none of them."""
    documents, course = [book(language)], Course(id="c", title="C", language=language)
    plan = DistilPlan(teacher="endpoint", recipe="coursegpt")
    sides = type("Split", (SplitPlan,), {"is_transfer": lambda self, section: section == "s1"})
    plan = plan.model_copy(update={"split": sides()})
    passages = make_passages(documents)
    view = BookView(course, documents, passages, chosen_passages(documents, passages, plan))
    recipe = CourseGPT(view, plan, ["a?"])
    for question in (QUOTES[language][1], QUOTES[language][0]):
        found = recipe._found(question)
        assert found and len({passage.section == "s1" for passage in found}) == 1


# ------------------------------------------------------------------ sides and rounds


def many_sections(language, n):
    """Sections that pairwise share a rare word, so that any may be shown beside any."""
    own = tuple(
        Section(
            id=f"s{i}", title=f"T{i}", language=language,
            blocks=(Block(text=f"{TEXTS[language][1] * 5} zebra{i // 3} yak{i // 3}", page=1),),
        )
        for i in range(n)
    )  # fmt: skip
    return book(language).model_copy(update={"sections": own})


class Odd(SplitPlan):
    """Keeps every other section for the exam."""

    def is_transfer(self, section):
        return int(section[1:]) % 2 == 1


def slots(language, recipe, **changes):
    """The calls of a recipe that is told that each of them brought one point."""
    plan = DistilPlan(teacher="endpoint", recipe=recipe, **changes)
    plan = plan.model_copy(update={"split": Odd()})
    documents = [many_sections(language, 24)]
    course, passages = Course(id="c", title="C", language=language), make_passages(documents)
    view = BookView(course, documents, passages, chosen_passages(documents, passages, plan))
    own = Grid(view, plan, 1) if recipe == "grid" else CourseGPT(view, plan, ["Seed?"])
    found = []
    while len(found) < 400 and (wave := own.wave(8, 8)):
        found += wave
        for slot in wave:
            made = Proposal(
                kind="fact", questions=(f"{len(found)}?", "b"), source=slot.passages, section="s0"
            )
            own.learn(slot, [made])
    return found


def test_passages_that_are_shown_together_are_of_one_side(language):
    shown = [slot.passages for slot in slots(language, "grid") if len(slot.passages) > 1]
    assert shown, "some calls show two sections"
    for passages in shown:
        assert len({Odd().is_transfer(passage.section) for passage in passages}) == 1


def test_coursegpt_samples_twice_after_half_of_the_plan(language):
    found = slots(language, "coursegpt", pairs=40)
    sampled = [i for i, slot in enumerate(found) if not slot.passages]
    assert sampled[0] == 20, "half of forty points come from paragraphs"
    assert len(sampled) == 2 * (40 // 4 // 5), "two rounds, each of a quarter of the plan"
    assert "Seed?" in found[sampled[0]].request.messages[-1].content


def test_a_question_without_a_passage_finds_the_sentence_that_it_asks_for(language):
    said = {
        "en": "The zeppelin carries mail over the glacier.",
        "zh": "飞艇把邮件运过冰川。",
    }[language]
    asked = {"en": "What about zeppelin, mail and glacier?", "zh": "飞艇、邮件和冰川有何关系？"}
    own = [TEXTS[language][1]] * 20 + [said + TEXTS[language][0]]
    passages = [
        Passage(id=f"p{i}", document="d", section="s0", title="t", text=text)
        for i, text in enumerate(own)
    ]

    class Late:
        """A search that ranks the passage that is meant last."""

        def search(self, question, k):
            return [Hit(passage=passage, score=1.0) for passage in passages][:k]

    course = Course(id="c", title="C", language=language)
    view = BookView(course, [book(language)], passages, {"s0": passages}, Late)
    found = view.taught(asked[language])
    assert found[0].id == "p20" and len(found) == 6 and found[1].id == "p0"
