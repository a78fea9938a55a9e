"""Hybrid retrieval: BM25 over words (jieba's for Chinese) and e5 embeddings, fused by rank.

Fusion is reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009: 1 / (60 + rank)), whose
order needs no scaling between the two scores. ``Hit.score`` is the cosine similarity in [0, 1],
which, unlike a rank, says whether anything relevant was found at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.embeddings import DIMENSIONS, embed
from engine.files import writing
from engine.progress import Report, silent
from engine.schema import Passage, Value
from engine.text import language_of, question_words, search_terms

_RANK_CONSTANT = 60


class Hit(Value):
    """A found passage.

    ``score`` is the cosine of e5 embeddings; ``coverage`` the share of the query's terms, weighted
    by rarity, that the passage holds; both in [0, 1].
    """

    passage: Passage
    score: float
    coverage: float


class Index:
    """A searchable set of passages. Build with ``Index.build``; it is read-only afterwards."""

    def __init__(self, passages: Sequence[Passage], embeddings: Any) -> None:
        import bm25s

        self.passages = tuple(passages)
        self._embeddings = embeddings
        self._language = language_of("\n".join(p.text for p in self.passages))
        texts = [f"{p.title}\n{p.text}" for p in self.passages]
        self._terms = [search_terms(text, self._language) for text in texts]
        self._bm25 = bm25s.BM25()
        if self.passages:
            self._bm25.index(self._terms, show_progress=False)
        self._idf = _inverse_document_frequency(self._terms)

    @classmethod
    def build(cls, passages: Sequence[Passage], folder: Path, report: Report = silent) -> Index:
        """The index of the passages; embeddings are kept in ``folder``, only new ones are made."""
        import numpy as np

        path = folder / "embeddings.npz"
        known = _load(path)
        missing = [p for p in passages if p.id not in known]
        if missing:
            vectors = embed([f"{p.title}\n{p.text}" for p in missing], report=report)
            known |= {p.id: vector for p, vector in zip(missing, vectors, strict=True)}
            _save(path, {p.id: known[p.id] for p in passages})
        rows = [known[p.id] for p in passages]
        return cls(passages, np.stack(rows) if rows else np.zeros((0, DIMENSIONS)))

    def search(self, query: str, k: int = 5) -> list[Hit]:
        """The ``k`` best passages for the query, best first."""
        import numpy as np

        if not self.passages or not query.strip():
            return []
        cosines = self._embeddings @ embed([query], query=True)[0]
        terms = search_terms(query, self._language)
        known = [term for term in terms if term in self._idf]
        lexical = self._bm25.get_scores(known) if known else np.zeros(len(self.passages))
        fused = _ranks(cosines)
        if known:
            fused = fused + np.where(lexical > 0, _ranks(lexical), 0.0)
        best = np.argsort(-fused, kind="stable")[:k]
        return [
            Hit(
                passage=self.passages[i],
                score=float(np.clip(cosines[i], 0.0, 1.0)),
                coverage=self._coverage(terms, i),
            )
            for i in best
        ]

    def _coverage(self, terms: Sequence[str], i: int) -> float:
        rarest = max(self._idf.values(), default=1.0)
        weights = {t: self._idf.get(t, rarest) for t in terms if t not in question_words()}
        held = set(self._terms[i])
        total = sum(weights.values())
        return sum(w for term, w in weights.items() if term in held) / total if total else 0.0


def _load(path: Path) -> dict[str, Any]:
    """Passage id to its embedding, as saved."""
    import numpy as np

    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        return dict(zip(file["ids"].tolist(), file["vectors"], strict=True))


def _save(path: Path, vectors: dict[str, Any]) -> None:
    import numpy as np

    with writing(path) as aside, aside.open("wb") as file:
        np.savez(file, ids=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))


def _ranks(scores: Any) -> Any:
    import numpy as np

    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return 1.0 / (_RANK_CONSTANT + ranks)


def _inverse_document_frequency(documents: Sequence[Sequence[str]]) -> dict[str, float]:
    from collections import Counter
    from math import log

    counts = Counter(term for document in documents for term in set(document))
    return {term: log(1 + len(documents) / n) for term, n in counts.items()}
