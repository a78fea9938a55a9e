"""Rows that are read: a question with quotes of the book, and the answer out of them.

RAFT (Zhang et al., 2024, arXiv 2403.10131): the passage that answers among others that do not, in a
share of the rows only others; the answer begins with what it quotes. The others are not drawn by
chance: they are what the tutor's own search finds, in its order, so that training looks like use.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from itertools import islice

from engine.gates import leans_back, readable
from engine.language import rules, table
from engine.progress import Report, silent
from engine.prompts import AnswerPrompt
from engine.quotes import candidates, quotes_of
from engine.quotes.lexicon import lexicon_of
from engine.schema import Evidence, Language, Pair, Passage, Progress, content_id
from engine.search import Index
from engine.text import search_terms, tokens
from engine.text import words as words_of
from engine.train.mixture import Reader
from engine.train.rows import TrainingRow
from engine.units import Unit

_SPARE = 4
"""Quotes looked at beyond those that are shown."""
_LONGEST = 60
"""Words (1.6 characters each in Chinese) of an answer of several sentences."""
_FEWEST = 2
"""Words by which a sentence is asked for, at least."""
_NEAT, _SLIPS = 0.5, 0.3
"""Share of the questions that stay as they are, and of the others that get a slip."""
_SAME = 0.6
"""Share of an answer's words from which a quote is taken to hold it."""


class BookReader:
    """Makes rows with quotes (``mixture.Reader``) by the course's own search.

    Args:
        index: The course's passages.
        prompt: How question and quotes are put; the course's own.
        quotes: How many quotes a row shows.
        hidden: Sections that no row may show: those of the exam's transfer part.
        report: Told of every question that was looked up.
    """

    def __init__(
        self,
        index: Index,
        prompt: AnswerPrompt,
        *,
        quotes: int = 2,
        hidden: Collection[str] = (),
        report: Report = silent,
    ) -> None:
        self.index, self.prompt = index, prompt
        self.count, self.hidden = quotes, frozenset(hidden)
        self.report = report
        self._found: dict[str, list[str]] = {}

    def __call__(self, pair: Pair, absent: bool) -> tuple[TrainingRow, ...]:
        """The row of this pair; none where the book's piece is not found, or nothing else is."""
        shown = self._without(pair) if absent else self._with(pair)
        if not shown:
            return ()
        said = table(self.index.language, "answering")["absent"] if absent else quoted(pair)
        [*before, asked] = self.prompt.messages(typed(pair), shown)
        system = before[0].content if before else ""
        return (TrainingRow(question=asked.content, answer=said, system=system),)

    def _with(self, pair: Pair) -> list[str]:
        """What the search shows; if the answer is not there, its piece takes the last place."""
        found = self._search(pair)
        best = found[: self.count]
        if any(holds(text, pair) for text in best):
            return best
        gold = next((text for text in found if holds(text, pair)), self._gold(pair))
        return [*best[: self.count - 1], gold] if gold else []

    def _without(self, pair: Pair) -> list[str]:
        """The nearest quotes that do not hold the answer, nor much of the question's subject."""
        lexicon = lexicon_of(self.index)
        own = frozenset(lexicon.terms_of(pair.answer))
        far = [
            text
            for text in self._search(pair)
            if not holds(text, pair) and _share(own, lexicon.terms_of(text)) < _SAME
        ]
        return far[: self.count] if len(far) >= self.count else []

    def _search(self, pair: Pair) -> list[str]:
        """Quotes of the book for a question, best first."""
        if pair.question not in self._found:
            found = quotes_of(
                candidates(pair.question, self.index), self.index, self.count + _SPARE
            )
            shown = [quote.text for quote in found if quote.section not in self.hidden]
            self._found[pair.question] = shown
            self.report(Progress(stage="train.search", done=len(self._found)))
        return self._found[pair.question]

    def _gold(self, pair: Pair) -> str:
        """The piece of the pair's section that holds its evidence; empty where none does."""
        own: list[Unit] = [u for u in self.index.units if u.section == pair.section]
        return next((unit.text for unit in own if holds(unit.text, pair)), "")


def sketch(passages: Sequence[Passage], quotes: int) -> Reader:
    """A reader for estimates: rows about as long as a ``BookReader``'s, without any search."""
    texts = [passage.text for passage in passages]
    own = {passage.section: passage.text for passage in reversed(passages)}

    def read(pair: Pair, absent: bool) -> tuple[TrainingRow, ...]:
        if not texts:
            return ()
        at = hash_of(pair.id) % len(texts)
        others = (texts * 2)[at : at + quotes - 1 + absent]
        shown = others if absent else [own.get(pair.section, texts[at]), *others]
        answer = "" if absent else quoted(pair)
        return (TrainingRow(question="\n\n".join([*shown, pair.question]), answer=answer),)

    return read


def hash_of(name: str) -> int:
    """A number for a name, the same on every machine."""
    return int(content_id(name), 16)


def sentence_pairs(index: Index, hidden: Collection[str], count: int, seed: int) -> list[Pair]:
    """Sentences of the book, each asked for by its rarest words: the inverse cloze task.

    Lee et al., 2019 (arXiv 1906.00300) train a retriever so; here a reader learns to find a
    sentence by what a learner might remember of it. Drawn by the seed; one a unit, prose only.
    """
    dice = random.Random(seed)  # noqa: S311 (a draw of sentences, not a secret)
    units = [u for u in index.units if u.section not in hidden and "prose" in u.roles]
    dice.shuffle(units)
    found = (_sentence_pair(unit, index, dice) for unit in units)
    return list(islice((pair for pair in found if pair), count))


def _sentence_pair(unit: Unit, index: Index, dice: random.Random) -> Pair | None:
    own = rules(index.language)
    fit = [sentence for sentence in unit.sentences if _stands(sentence, index.language)]
    if not fit:
        return None
    sentence = dice.choice(fit)
    words = _rarest(sentence, index, dice.randint(2, 4))
    answer = _going_on(sentence, unit, index.language)
    if len(words) < _FEWEST:
        return None
    asked = dice.choice(table(index.language, "answering")["sought"])
    return Pair(
        id=content_id("sought", unit.passage, sentence),
        question=asked.replace("{words}", " ".join(words)),
        answer=answer,
        kind="fact",
        language=own.code,
        point=content_id("sought", sentence),
        evidence=(Evidence(quote=sentence, section=unit.section, title=unit.title),),
    )


def _stands(sentence: str, language: Language) -> bool:
    """Whether a sentence can be read by itself: no question, no announcement, no pointing back."""
    whole = readable(sentence, language) and not leans_back(sentence, language)
    return whole and not sentence.endswith(("?", "？", ":", "："))


def _going_on(sentence: str, unit: Unit, language: Language) -> str:
    """The sentence with those after it, as long as all together are short."""
    own = rules(language)
    at = unit.sentences.index(sentence)
    told = sentence
    for more in unit.sentences[at + 1 :]:
        longer = f"{told}{own.joiner}{more}"
        if len(words_of(longer)) > _LONGEST * own.sizes.scale or more.endswith((":", "：")):
            break
        told = longer
    return told


def _rarest(sentence: str, index: Index, count: int) -> list[str]:
    """The rarest words of a sentence in its order, none twice."""
    lexicon = lexicon_of(index)
    rare: dict[str, float] = {}
    for token in tokens(sentence, index.language):
        known = [t for t in search_terms(token, index.language) if t in lexicon.counts]
        if known and any(letter.isalpha() for letter in token):
            rare.setdefault(token, max(lexicon.idf(t) for t in known))
    kept = sorted(rare, key=lambda token: -rare[token])[:count]
    return [token for token in rare if token in kept]


def typed(pair: Pair) -> str:
    """The question as learners type: half of them in small letters, some with a slip of the pen.

    The same for the same pair.
    """
    dice = random.Random(pair.id)  # noqa: S311 (a draw of slips, not a secret)
    if "\n" in pair.question or dice.random() < _NEAT:
        return pair.question
    text = pair.question.rstrip("?？。.").lower()
    at = dice.randrange(1, max(2, len(text) - 2))
    slip = text[at : at + 2]
    if dice.random() < _SLIPS and slip.isascii() and slip.isalpha():
        text = text[:at] + slip[::-1] + text[at + 2 :]
    return text


def quoted(pair: Pair) -> str:
    """The answer, after the book's sentence that it rests on where it says it in other words."""
    quote = pair.evidence[0].quote if pair.evidence else ""
    if not quote or level(pair.answer) in level(quote) or level(quote) in level(pair.answer):
        return pair.answer
    form: str = table(pair.language, "answering")["quoted"]
    return form.format(quote=quote, answer=pair.answer)


def holds(text: str, pair: Pair) -> bool:
    """Whether a text holds the pair's evidence or its answer, word for word but for spaces."""
    there = level(text)
    pieces = [*(e.quote for e in pair.evidence), pair.answer]
    return any(level(piece) in there for piece in pieces if piece.strip())


def level(text: str) -> str:
    """Letters and signs without spaces, in one case."""
    return "".join(text.split()).casefold().rstrip(".。")


def _share(own: frozenset[str], other: Sequence[str]) -> float:
    return len(own & set(other)) / len(own) if own else 0.0
