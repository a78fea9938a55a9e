"""Draw pairs of a corpus for reading, and print what was read of them and what they cover.

    python -m tests.bench.card --home H --course C --book think_python_en            # the table
    python -m tests.bench.card --home H --course C --book B --sample 100 --seed 1    # to read
    python -m tests.bench.card ... --sample 100 --seed 1 --marks 1111,1011,... --reader NAME

Only pairs that the teacher made are drawn, not the book's own exercises. A store that held a corpus
of an older teacher keeps its pairs where the plan is the same: distil with another ``--seed``.
A sample is one pair a knowledge point, of the *look* half by default, on which the teacher may be
tuned; the *sealed* half is read for closing figures only (``--half sealed --yes-sealed``).
``--marks`` gives, in the order printed, four digits a pair: natural, stands alone, right and
complete, worth learning. Ratings are kept in ``ratings/BOOK.jsonl`` by digests: no text of a book
but what our question quotes of it. Ratings of texts that the corpus no longer holds are stale:
they are counted apart. ``--index`` names the LaTeX source whose index is to be covered.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from engine.distil.draft import OUTSIDE
from engine.judge import interval
from engine.schema import Pair
from engine.settings import load
from engine.workspace import opened
from tests.bench.card.coverage import covered, lists_of
from tests.bench.card.sample import (
    QUESTIONS,
    Rating,
    add_ratings,
    digest,
    drawn,
    half_of,
    read_ratings,
)


def made(pair: Pair) -> bool:
    """Whether the teacher made the pair: the book's own exercises are the exam's, not its."""
    return pair.status != "rejected" and pair.part not in OUTSIDE


def printed(pairs: Sequence[Pair]) -> str:
    """Pairs to read, numbered."""
    rows = []
    for number, pair in enumerate(pairs, 1):
        page = pair.evidence[0].page if pair.evidence else 0
        rows.append(f"{number}. [{pair.kind}, p. {page}] {pair.question}\n   -> {pair.answer}")
    return "\n".join(rows)


def rated(pairs: Sequence[Pair], marks: str, reader: str) -> list[Rating]:
    """The marks as ratings of the pairs, in order.

    Raises:
        SystemExit: there are not four digits of 0 and 1 for each pair.
    """
    rows = [row.strip() for row in marks.split(",")]
    if len(rows) != len(pairs) or any(len(row) != 4 or set(row) - set("01") for row in rows):
        raise SystemExit(f"{len(rows)} marks for {len(pairs)} pairs; each needs four of 0 and 1")
    return [
        Rating(
            id=pair.id,
            of=digest(pair.question, pair.answer),
            answer=digest(pair.answer),
            half=half_of(pair.point),
            question=pair.question,
            reader=reader,
            **{name: int(mark) for name, mark in zip(QUESTIONS, row, strict=True)},
        )
        for pair, row in zip(pairs, rows, strict=True)
    ]


def table(ratings: Sequence[Rating], pairs: Sequence[Pair]) -> str:
    """What readers said of the pairs that the corpus still holds, with 95 % intervals."""
    there = {digest(pair.question, pair.answer) for pair in pairs}
    lines = [f"| half | n | {' | '.join(QUESTIONS)} | keep |", "|---" * 7 + "|"]
    for half in ("look", "sealed"):
        own = [r for r in ratings if r.half == half and r.of in there]
        columns = [[float(getattr(r, name)) for r in own] for name in (*QUESTIONS, "keep")]
        lines.append(f"| {half} | {len(own)} | {' | '.join(map(_cell, columns))} |")
    stale = sum(r.of not in there for r in ratings)
    return "\n".join([*lines, f"{stale} ratings are of pairs that this corpus does not hold"])


def _cell(values: list[float]) -> str:
    if not values:
        return "–"
    figure = interval(values)
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the docstring above says how."""
    options = _options(arguments)
    with opened(load(options.home), options.course) as workspace:
        pairs = [p for p in workspace.store.pairs(options.course) if made(p)]
        documents = workspace.store.documents(options.course)
    if options.sample:
        chosen = drawn(pairs, options.half, options.sample, options.seed)
        if options.unread:
            read = {rating.of for rating in read_ratings(options.book)}
            chosen = [p for p in chosen if digest(p.question, p.answer) not in read]
        if options.marks:
            add_ratings(options.book, rated(chosen, options.marks, options.reader))
        else:
            print(printed(chosen))
            return
    print(f"{options.book}: {len({p.point for p in pairs})} points, {len(pairs)} pairs\n")
    print(table(read_ratings(options.book), pairs))
    language = documents[0].language
    print("\n| list | n | asked | said |\n|---|---|---|---|")
    for name, names in lists_of(documents, options.index).items():
        found = covered(names, pairs, language)
        print(f"| {name} | {found['n']:.0f} | {found['asked']:.2f} | {found['said']:.2f} |")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.card")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--course", required=True)
    parser.add_argument("--book", required=True, help="name of the file of ratings")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=("look", "sealed"), default="look")
    parser.add_argument("--yes-sealed", action="store_true", help="read the sealed half, once")
    parser.add_argument("--unread", action="store_true", help="leave out what was read before")
    parser.add_argument("--marks", default="")
    parser.add_argument("--reader", default="A")
    parser.add_argument("--index", type=Path, help="a LaTeX source with \\index entries")
    options = parser.parse_args(arguments)
    if options.sample and options.half == "sealed" and not options.yes_sealed:
        parser.error("the sealed half is for closing figures: add --yes-sealed if this is one")
    return options


if __name__ == "__main__":
    main()
