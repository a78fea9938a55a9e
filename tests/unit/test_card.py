"""The corpus card draws the same pairs each time, keeps the halves apart and knows stale marks."""

import pytest

from engine.schema import Block, Document, Pair, Section
from tests.bench.card import sample
from tests.bench.card.__main__ import main, rated, table
from tests.bench.card.coverage import covered, index_of, lists_of
from tests.bench.card.sample import Rating, add_ratings, digest, drawn, half_of, read_ratings


def pair(n: int, question: str = "", status: str = "proposed") -> Pair:
    return Pair(
        id=f"{n}{question}", question=question or f"What is {n}?", answer=f"It is {n}.",
        kind="fact", language="en", point=f"p{n}", status=status,
    )  # fmt: skip


PAIRS = [pair(n, q) for n in range(40) for q in (f"What is {n}?", f"And {n}?")]


def test_a_sample_is_one_pair_a_point_of_its_half_and_the_same_each_time():
    look, sealed = drawn(PAIRS, "look", 99, 1), drawn(PAIRS[::-1], "sealed", 99, 1)
    assert len({p.point for p in look}) == len(look) > 5
    assert {half_of(p.point) for p in look} == {"look"}
    assert len(look) + len(sealed) == 40
    assert look == drawn(PAIRS[::-1], "look", 99, 1)
    assert look != drawn(PAIRS, "look", 99, 2)
    assert drawn([pair(1, status="rejected")], half_of("p1"), 9, 1) == []


def test_ratings_are_kept_by_digest_and_stale_ones_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "FOLDER", tmp_path)
    chosen = drawn(PAIRS, "look", 2, 1)
    add_ratings("b", rated(chosen, "1111,1101", "A"))
    add_ratings("b", rated(chosen[:1], "0111", "A"))
    ratings = read_ratings("b")
    assert [(r.keep, r.right) for r in ratings] == [(False, 1), (False, 0)]
    assert chosen[0].answer not in (tmp_path / "b.jsonl").read_text(), "no text of a book is kept"
    changed = chosen[1].model_copy(update={"answer": "Another."})
    assert "| look | 1 |" in table(ratings, [chosen[0], changed])
    assert "1 ratings are of pairs" in table(ratings, [chosen[0], changed])


@pytest.mark.parametrize("marks", ["1111", "1111,111", "1111,1121"])
def test_marks_that_do_not_fit_are_refused(marks):
    with pytest.raises(SystemExit, match="each needs four"):
        rated(drawn(PAIRS, "look", 2, 1), marks, "A")


def test_the_sealed_half_is_not_drawn_by_accident(capsys):
    with pytest.raises(SystemExit):
        main(["--home", "h", "--course", "c", "--book", "b", "--half", "sealed", "--sample", "3"])
    assert "--yes-sealed" in capsys.readouterr().err


def test_coverage_counts_what_is_asked_and_what_is_said():
    asked = pair(1).model_copy(update={"question": "What is a list?", "answer": "A row of values."})
    found = covered(["lists", "value", "tuple", "value list"], [asked], "en")
    assert found == {"n": 4.0, "asked": 0.25, "said": 0.75}


def test_an_index_is_read_without_the_words_that_only_sort(tmp_path):
    source = tmp_path / "book.tex"
    methods = "".join(rf"\index{{method!m{n}}}" for n in "abcde")
    source.write_text(rf"{methods}\index{{ma method}}\index{{list!nested}}\index{{a@{{\tt b}}}}")
    assert index_of(source) == ["ma", "mb", "mc", "md", "me", "nested list", "b"]


def test_exercises_name_terms_of_glossary_and_headings():
    words = Section(id="g", title="Glossary", blocks=(Block(text="alias: A name of an object."),))
    text = Section(id="e", title="Exercises", blocks=(Block(text="Draw an alias. Run it."),))
    book = Document(id="d", title="T", filename="t", language="en", sections=(words, text))
    assert lists_of([book], None) == {"glossary": ["alias"], "exercises": ["alias"]}


def test_committed_ratings_are_whole():
    for path in sample.FOLDER.glob("*.jsonl"):
        ratings = read_ratings(path.stem)
        assert len({(r.of, r.reader) for r in ratings}) == len(ratings) > 0
        for rating in ratings:
            assert isinstance(rating, Rating)
            assert {rating.natural, rating.alone, rating.right, rating.worth} <= {0, 1}
    assert digest("q", "a") != digest("a", "q")
