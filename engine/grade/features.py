"""What can be measured of an answer beside its question and references, without a language model.

Lexical features follow Heilman & Madnani (SemEval 2013) and Sultan, Salazar & Sumner (NAACL 2016):
overlap weighted by rarity, overlap with what the reference adds to the question, order, negation,
numbers, length. Meaning comes from e5 cosines. ``Neighbours`` adds what people gave to the most
similar answers to the same question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from typing import Any

from engine.embeddings import embed
from engine.grade.items import Item, Submission
from engine.judge import rouge_l, token_f1
from engine.language import any_pattern
from engine.progress import Report, silent
from engine.text import language_of, question_words, search_terms, words

NAMES = (
    "f1", "rouge_l", "recall", "precision", "idf_coverage", "new_coverage", "token_set", "partial",
    "trigrams", "novel", "question_overlap", "question_trigrams", "length", "length_ratio",
    "reference_length", "question_length", "negations", "negation_mismatch", "numbers_missing",
    "numbers_extra", "cosine", "cosine_mean", "cosine_question", "reference_question", "residual",
)  # fmt: skip
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def negations(text: str) -> int:
    """How many words of negation a text holds, of any language."""
    return len(any_pattern("grading", "negation", flags=0).findall(text.lower()))


class Features:
    """Turns answers into numbers; learns only how rare each term is, from texts without grades.

    ``vectors`` are embeddings known already, by text; new ones are added to it, so that several
    scorers may share them (they are most of the time).
    """

    def __init__(
        self, items: Iterable[Item], texts: Iterable[str], vectors: dict[str, Any] | None = None
    ) -> None:
        self._items = {item.item_id: item for item in items}
        told = [text for i in self._items.values() for text in (i.question, *i.references)]
        self._language = language_of(" ".join(told))
        self._terms: dict[str, list[str]] = {}
        documents = [self.terms(t) for i in self._items.values() for t in i.references]
        documents += [self.terms(text) for text in texts]
        counts = Counter(term for document in documents for term in set(document))
        self._many = len(documents)
        self._counts = counts
        self._vectors = {} if vectors is None else vectors

    def terms(self, text: str) -> list[str]:
        """Content terms of a text: stems, or jieba's words, without question words."""
        if text not in self._terms:
            found = search_terms(text, self._language)
            self._terms[text] = [term for term in found if term not in question_words()]
        return self._terms[text]

    def rarity(self, term: str) -> float:
        """Inverse document frequency over references and answers."""
        return log(1 + (1 + self._many) / (1 + self._counts.get(term, 0)))

    def vectors(self, texts: Sequence[str], report: Report = silent) -> Any:
        """Unit-length embeddings, array (n, 384); each text is embedded once."""
        import numpy as np

        missing = sorted({t for t in texts if t not in self._vectors}, key=lambda t: (len(t), t))
        if missing:
            found = embed([t or " " for t in missing], report=report)
            self._vectors |= dict(zip(missing, found, strict=True))
        return np.stack([self._vectors[t] for t in texts])

    def matrix(self, submissions: Sequence[Submission], report: Report = silent) -> Any:
        """Array (n, len(NAMES)); the best over the references where there are several."""
        import numpy as np

        items = [self._items[s.item_id] for s in submissions]
        texts = {s.answer for s in submissions} | {i.question for i in items}
        self.vectors([*texts, *{r for i in items for r in i.references}], report)
        rows = [self._row(s.answer, i) for s, i in zip(submissions, items, strict=True)]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(NAMES))

    def _row(self, answer: str, item: Item) -> list[float]:
        """Features beside each reference; of each, the most favourable is kept."""
        references = item.references or (item.question,)
        pairs = [self._beside(answer, reference, item.question) for reference in references]
        lexical = max(pairs, key=lambda row: row[0] + row[1] + row[4])
        return lexical + self._meaning(answer, references, item.question)

    def _beside(self, answer: str, reference: str, question: str) -> list[float]:
        from rapidfuzz import fuzz

        mine, theirs, asked = (set(self.terms(t)) for t in (answer, reference, question))
        common, new = mine & theirs, theirs - asked
        left, right = " ".join(words(answer)), " ".join(words(reference))
        numbers, wanted = set(_NUMBER.findall(answer)), set(_NUMBER.findall(reference))
        length, reference_length = len(words(answer)), max(1, len(words(reference)))
        against = negations(answer), negations(reference)
        return [
            token_f1(answer, reference),
            rouge_l(answer, reference),
            len(common) / max(1, len(theirs)),
            len(common) / max(1, len(mine)),
            self._weight(common) / max(1e-9, self._weight(theirs)),
            self._weight(mine & new) / max(1e-9, self._weight(new)) if new else 0.5,
            fuzz.token_set_ratio(left, right) / 100,
            fuzz.partial_ratio(left, right) / 100,
            _trigrams(left, right),
            self._weight(mine - theirs - asked) / max(1e-9, self._weight(mine)),
            len(mine & asked) / max(1, len(mine)),
            _trigrams(left, " ".join(words(question))),
            log(1 + length),
            length / reference_length,
            log(1 + reference_length),
            log(1 + len(asked)),
            float(against[0]),
            float((against[0] - against[1]) % 2),
            float(len(wanted - numbers)),
            float(len(numbers - wanted)),
        ]

    def _weight(self, terms: Iterable[str]) -> float:
        return sum(self.rarity(term) for term in terms)

    def _meaning(self, answer: str, references: Sequence[str], question: str) -> list[float]:
        import numpy as np

        mine, asked = self._vectors[answer], self._vectors[question]
        theirs = np.stack([self._vectors.get(r, asked) for r in references])
        cosines = theirs @ mine
        best = theirs[int(cosines.argmax())]
        residual = _apart(mine, asked) @ _apart(best, asked)
        about = float(mine @ asked), float(best @ asked)
        return [float(cosines.max()), float(cosines.mean()), *about, float(residual)]


class Neighbours:
    """What people gave to similar answers to the same question.

    For graded answers themselves the neighbours come from other folds: leaving out only the answer
    itself would tell its grade with the sign turned (the rest's mean falls as its own grade rises).
    """

    def __init__(
        self, features: Features, graded: Sequence[Submission], targets: Any, folds: Any
    ) -> None:
        self._features, self._targets, self._folds = features, targets, folds
        self._texts = [s.answer for s in graded]
        self._rows: dict[str, list[int]] = {}
        for i, submission in enumerate(graded):
            self._rows.setdefault(submission.item_id, []).append(i)

    def matrix(self, submissions: Sequence[Submission], folds: Any = None) -> Any:
        """Array (n, 3 k + 2): vote, nearest grade, mean (k columns each), likeness, log of count.

        ``folds`` holds the fold of each submission where these are the graded ones themselves.
        """
        import numpy as np

        rows = [
            self._row(s, None if folds is None else folds[i]) for i, s in enumerate(submissions)
        ]
        return np.array(rows)

    def _row(self, submission: Submission, fold: int | None) -> list[float]:
        import numpy as np

        k = self._targets.shape[1]
        rows = self._rows.get(submission.item_id, [])
        rows = rows if fold is None else [i for i in rows if self._folds[i] != fold]
        if not rows:
            return [float("nan")] * (3 * k) + [float("nan"), 0.0]
        given = self._targets[rows]
        likeness = self._likeness(submission.answer, [self._texts[i] for i in rows])
        weight = np.exp(12 * (likeness - likeness.max()))
        vote = (weight[:, None] * given).sum(0) / weight.sum()
        nearest = given[int(likeness.argmax())]
        return [*vote, *nearest, *given.mean(0), float(likeness.max()), log(1 + len(rows))]

    def _likeness(self, answer: str, others: Sequence[str]) -> Any:
        """Half meaning, half characters."""
        import numpy as np
        from rapidfuzz import fuzz, process

        vectors = self._features.vectors([answer, *others])
        edits = process.cdist([answer], others, scorer=fuzz.token_set_ratio, dtype=np.float32)[0]
        return (vectors[1:] @ vectors[0] + edits / 100) / 2


def _trigrams(one: str, other: str) -> float:
    left = {one[i : i + 3] for i in range(len(one) - 2)}
    right = {other[i : i + 3] for i in range(len(other) - 2)}
    return len(left & right) / max(1, len(left | right))


def _apart(vector: Any, direction: Any) -> Any:
    """The part of a vector that the question does not already say, unit length."""
    import numpy as np

    rest = vector - (vector @ direction) * direction
    return rest / max(1e-6, float(np.linalg.norm(rest)))
