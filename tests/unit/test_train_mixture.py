"""What a student is taught: shares, rows with quotes of the book, and rows without an answer."""

import pytest

from engine.language import table
from engine.prompts import course_system, start_prompt
from engine.schema import Block, Evidence, Pair, Passage
from engine.search import Index
from engine.train import BookReader, Mixture, TrainingRow, mixed, sentence_pairs, sketch
from engine.train.reading import quoted, typed

FACTS = {
    "leaf": "A leaf catches light and turns it into sugar for the whole plant.",
    "root": "A root takes up water and minerals from the soil around it.",
    "stem": "A stem carries water upwards and sugar downwards through its vessels.",
    "flower": "A flower attracts insects with colour and scent to spread its pollen.",
    "seed": "A seed holds a small plant and the food for its first days.",
    "bark": "A layer of bark keeps the trunk from drying out and from frost.",
}
ABSENT = table("en", "answering")["absent"]


def pair(name: str, number: int = 0, **values) -> Pair:
    return Pair(
        **{
            "id": f"{name}{number}",
            "question": f"What does a {name} do for a plant ({number})?",
            "answer": FACTS[name],
            "kind": "fact",
            "language": "en",
            "point": name,
            "evidence": (Evidence(quote=FACTS[name], section=f"s-{name}", title=name),),
            **values,
        }
    )


PAIRS = [pair(name, n, statements=(f"{FACTS[name]} {n}",)) for name in FACTS for n in range(3)]


@pytest.fixture(scope="module")
def index() -> Index:
    return Index.of(
        [
            Passage(
                id=name,
                document="d",
                section=f"s-{name}",
                title=name,
                text=text,
                blocks=(Block(text=text),),
                path=name,
                language="en",
            )
            for name, text in FACTS.items()
        ]
    )


@pytest.fixture
def reader(index) -> BookReader:
    return BookReader(index, start_prompt("en"))


def plainly(own: Pair, absent: bool) -> tuple[TrainingRow, ...]:
    return (TrainingRow(question=f"BOOK {own.point}", answer="NO" if absent else own.answer),)


def count(rows, text: str) -> int:
    return sum(text in f"{row.question}|{row.answer}" for row in rows)


def test_every_share_has_its_rows():
    talk = [TrainingRow(question=f"TALK {n}", answer="x") for n in range(50)]
    mixture = Mixture(by_heart=0.5, reading=1.0, sought=0.5, absent=0.5, statements=2, replay=0.2)
    rows = mixed(PAIRS, mixture, plainly, [pair("leaf", 9, point="extra")] * 9, talk)
    assert count(rows, "What does") == 9  # half of 18
    read = [row for row in rows if row.question.startswith("BOOK")]
    assert len([row for row in read if row.answer != "NO"]) == 6 + 3  # each point, half as many
    assert len([row for row in read if row.answer == "NO"]) == 9  # as many without an answer
    told = [row for row in rows if not row.question]
    assert len(told) == 12 and len({row.answer for row in told}) == 12
    own = len(rows) - count(rows, "TALK")
    assert count(rows, "TALK") == round(own * 0.2 / 0.8)


def test_a_mixture_is_drawn_by_its_seed():
    one, same, other = (mixed(PAIRS, Mixture(by_heart=0.5), plainly, seed=s) for s in (1, 1, 2))
    assert one == same != other


def test_shares_of_nothing_leave_the_pairs_alone():
    rows = mixed(PAIRS, Mixture(reading=0, statements=0, replay=0), plainly)
    assert {row.question for row in rows} == {own.question for own in PAIRS}


def test_a_row_shows_the_answer_among_what_the_search_finds(reader):
    [row] = reader(pair("root"), False)
    asked = row.question
    assert FACTS["root"] in asked and row.answer == FACTS["root"]
    assert sum(fact in asked for fact in FACTS.values()) == 2  # and one that does not answer
    assert asked.endswith("What does a root do for a plant (0)?")


def test_an_answer_that_the_search_misses_is_put_in(reader):
    [row] = reader(pair("root", question="colour and scent for insects in a flower?"), False)
    assert FACTS["root"] in row.question and FACTS["flower"] in row.question


def test_a_row_without_an_answer_does_not_show_it_and_says_so(reader):
    [row] = reader(pair("root"), True)
    assert FACTS["root"] not in row.question and row.answer == ABSENT
    assert sum(fact in row.question for fact in FACTS.values()) == 2


def test_nor_does_it_show_the_evidence_of_an_answer_in_other_words(reader):
    [row] = reader(pair("leaf", answer="Photosynthesis happens there."), True)
    assert FACTS["leaf"] not in row.question and row.answer == ABSENT


def test_sections_of_the_exam_are_never_shown(index):
    hidden = {"s-leaf", "s-stem"}
    reader = BookReader(index, start_prompt("en"), hidden=hidden)
    rows = [row for own in PAIRS for absent in (True, False) for row in reader(own, absent)]
    seen = [r for r in rows if FACTS["leaf"] in r.question or FACTS["stem"] in r.question]
    assert {row.answer for row in seen} <= {FACTS["leaf"], FACTS["stem"]}
    assert not [p for p in sentence_pairs(index, hidden, 9, 0) if p.section in hidden]


def test_sentences_are_asked_for_by_some_of_their_words(index):
    found = sentence_pairs(index, (), 4, 0)
    assert len(found) == 4 and found == sentence_pairs(index, (), 4, 0)
    for own in found:
        assert own.answer in FACTS.values() and own.answer not in own.question
        shared = [w for w in own.question.strip("?").split() if w in own.answer]
        assert 2 <= len(shared) <= 4


def test_half_of_the_questions_are_typed_as_learners_type():
    kept = [own for own in PAIRS if typed(own) == own.question]
    assert 0 < len(kept) < len(PAIRS)
    small = [typed(own) for own in PAIRS if own not in kept]
    assert all(text == text.lower() and not text.endswith("?") for text in small)
    asked = [own.question.lower() for own in PAIRS]
    assert any(f"{text}?" not in asked for text in small), "some have a slip"
    code = pair("leaf", question="What is shown?\n>>> X")
    assert typed(code) == code.question


def test_the_quote_comes_before_an_answer_in_other_words():
    own = pair("leaf", answer="It feeds the plant.")
    assert quoted(own).startswith("The book says: “A leaf catches")
    assert quoted(own).endswith("It feeds the plant.")
    assert quoted(pair("leaf")) == FACTS["leaf"]


def test_the_sketch_is_as_long_as_the_rows(index, reader):
    mixture = Mixture(sought=1.0, statements=0, replay=0)
    real = mixed(PAIRS, mixture, reader, sentence_pairs(index, (), 9, 0))
    drawn = mixed(PAIRS, mixture, sketch(index.passages, 2), PAIRS)
    lengths = [sum(len(r.question) for r in rows) for rows in (real, drawn)]
    assert 0.6 < lengths[0] / lengths[1] < 1.6


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_system_prompt_names_the_course(language):
    assert "Plants {x}" in course_system("Plants {x}", language)
