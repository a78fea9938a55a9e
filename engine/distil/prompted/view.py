"""What a call for questions shows of the books: passages, outline, neighbours, related sections."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from math import log

from engine.gates import holds_quote
from engine.language import table
from engine.schema import Course, Document, Evidence, Passage, Section
from engine.search import Index
from engine.text import search_terms, sentences

_NEAREST = 6
"""Passages that count as what the book says about a question."""
_LOOKED_AT = 60
"""Passages of the search that are looked through for a sentence that says what is asked."""


class BookView:
    """The chosen sections of a course with all that the recipes ask of them.

    Args:
        course: The course.
        documents: Its books.
        passages: All passages of the books, for looking up what a question is about.
        chosen: Section id to the passages that may be asked about.
        index: Opens a search over all passages; by default one is built when it is first needed.
    """

    def __init__(
        self,
        course: Course,
        documents: Sequence[Document],
        passages: Sequence[Passage],
        chosen: Mapping[str, Sequence[Passage]],
        index: Callable[[], Index] | None = None,
    ) -> None:
        self.course, self.passages, self.chosen = course, passages, chosen
        self._open_index = index
        self._sections = [section for document in documents for section in document.sections]
        self._place = {section.id: i for i, section in enumerate(self._sections)}
        self._by_sentence: dict[str, list[frozenset[str]]] = {}

    def title(self, section: str) -> str:
        """A section's heading."""
        return self._sections[self._place[section]].title

    def outline(self, section: str) -> str:
        """Course, chapter, and the headings around a section, in lines."""
        texts, at = table(self.course.language, "distil"), self._place[section]
        own = self._sections[at]
        lines = [texts["chapter"].format(course=self.course.title, chapter=self._chapter(own))]
        before = self._sections[at - 1].title if at else "–"
        after = self._sections[at + 1].title if at + 1 < len(self._sections) else "–"
        lines.append(texts["section"].format(title=own.title, before=before, after=after))
        return "\n".join(lines)

    def _chapter(self, section: Section) -> str:
        at = self._place.get(section.parent or "")
        return self._sections[at].title if at is not None else section.title

    @cached_property
    def spread(self) -> list[str]:
        """The chosen sections, so ordered that any first part is spread evenly over the books."""
        own = sorted(self.chosen, key=lambda section: self._place[section])
        return [own[i] for i in evenly(len(own))]

    def partner(self, section: str, among: Collection[str]) -> Passage | None:
        """The passage of another of these sections that shares the rarest terms with this one.

        EntiGraph (arXiv 2409.07431) has text written about pairs of entities; here the pair are
        two sections that speak of the same ones.
        """
        own = self._terms.get(section, frozenset())
        scores = {
            other: sum(self._rarity[term] for term in own & terms)
            for other, terms in self._terms.items()
            if other != section and other in among
        }
        best = max(scores, key=lambda other: (scores[other], -self._place[other]), default="")
        if not best or not scores[best]:
            return None
        return max(
            self.chosen[best], key=lambda p: len(own & set(search_terms(p.text, self._language)))
        )

    @property
    def _language(self) -> str:
        return self.course.language

    @cached_property
    def _terms(self) -> dict[str, frozenset[str]]:
        return {
            section: frozenset(
                term for p in own for term in search_terms(p.text, self._language)
            )
            for section, own in self.chosen.items()
        }  # fmt: skip

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """Inverse document frequency of terms that two to a tenth of the sections hold; else 0."""
        counts = Counter(term for terms in self._terms.values() for term in terms)
        most = max(3, len(self._terms) // 10)
        return {
            term: log(len(self._terms) / n) if 1 < n <= most and len(term) > 1 else 0.0
            for term, n in counts.items()
        }

    def nearest(self, question: str) -> tuple[Passage, ...]:
        """The passages of the whole course that a question is nearest to."""
        return tuple(hit.passage for hit in self._index.search(question, _NEAREST))

    def taught(self, question: str) -> tuple[Passage, ...]:
        """The passages of the chosen sections that a question is nearest to; may be none.

        Those with one sentence that says most of the question's rarer words take turns with those
        that the search ranks first: a question without a passage asks for one sentence of the
        book, and the search alone finds it in too few (false alarms of the gates: .07 of 440).
        """
        hits = self._index.search(question, _LOOKED_AT) if question else []
        found = [hit.passage for hit in hits if hit.passage.section in self.chosen]
        asked = frozenset(search_terms(question, self._language))
        said = sorted(found, key=lambda p: -self._said(asked, p))
        turns = [p for pair in zip(said, found, strict=True) for p in pair]
        return tuple({p.id: p for p in turns}.values())[:_NEAREST]

    def _said(self, asked: frozenset[str], passage: Passage) -> float:
        """How much of a question's rarer words the sentence of a passage says that says most."""
        held = (asked & terms for terms in self._sentence_terms(passage))
        return max((sum(self._weight[term] for term in terms) for terms in held), default=0.0)

    def _sentence_terms(self, passage: Passage) -> list[frozenset[str]]:
        if passage.id not in self._by_sentence:
            told = sentences(passage.text, self._language)
            self._by_sentence[passage.id] = [
                frozenset(search_terms(sentence, self._language)) for sentence in told
            ]
        return self._by_sentence[passage.id]

    @cached_property
    def _weight(self) -> Mapping[str, float]:
        """Inverse document frequency over the chosen passages; what none holds weighs nothing."""
        own = [p for passages in self.chosen.values() for p in passages]
        counts = Counter(
            term for p in own for term in frozenset(search_terms(p.text, self._language))
        )
        return defaultdict(float, {term: log(1 + len(own) / n) for term, n in counts.items()})

    @cached_property
    def _index(self) -> Index:
        if self._open_index:
            return self._open_index()
        return Index.of(self.passages)

    def evidence(self, quote: str, source: Sequence[Passage]) -> Evidence:
        """Where a quote stands: the first passage of the source that holds it, and its page."""
        passage = next((p for p in source if holds_quote(quote, p.text)), source[0])
        block = next((b for b in passage.blocks if holds_quote(quote, b.text)), None)
        page = block.page if block else passage.page_start
        return Evidence(quote=quote, section=passage.section, title=passage.title, page=page)


def evenly(n: int) -> Iterator[int]:
    """The numbers below ``n``, each first part spread evenly (van der Corput, base 2)."""
    bits = max(1, (n - 1).bit_length())
    for i in range(1 << bits):
        reverse = int(f"{i:0{bits}b}"[::-1], 2)
        if reverse < n:
            yield reverse
