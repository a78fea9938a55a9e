"""Hybrid retrieval: e5 embeddings of units and BM25 over words (jieba's in Chinese), fused by rank.

A passage is as near to a question as its nearest unit (``engine.units``): one embedding of all its
text drowns the sentence that answers. Fusion is reciprocal rank fusion (Cormack, Clarke & Büttcher,
SIGIR 2009: 1 / (60 + rank)), the meaning counting ``_MEANING`` times: learners' words are seldom
the book's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.embeddings import DIMENSIONS, embed
from engine.files import writing
from engine.progress import Report, silent
from engine.schema import Language, Passage, Value, content_id
from engine.text import language_of, search_terms, symbols
from engine.units import Unit, units_of

_RANK_CONSTANT = 60
_MEANING = 2.0
_FILE = "units.npz"


class Hit(Value):
    """A found passage; ``score`` is the cosine of its nearest unit, in [0, 1]."""

    passage: Passage
    score: float


class Index:
    """A searchable set of passages. Build with ``Index.build``; it is read-only afterwards.

    Attributes:
        passages: What is searched.
        units: Their quotable pieces, in order.
        vectors: The units' embeddings, array of shape (units, 384).
        of_passage: Numbers of the units of each passage, by its number.
        language: In which their words are stemmed.
    """

    def __init__(
        self, passages: Sequence[Passage], units: Sequence[Sequence[Unit]], vectors: Any
    ) -> None:
        import bm25s
        import numpy as np

        self.passages = tuple(passages)
        self.units = tuple(unit for own in units for unit in own)
        self.vectors = vectors
        ends = np.cumsum([len(own) for own in units]).tolist()
        self.of_passage = [range(e - len(own), e) for e, own in zip(ends, units, strict=True)]
        self.language: Language = language_of("\n".join(p.text for p in self.passages))
        self._bm25 = bm25s.BM25()
        terms = [self._terms_of(f"{p.path or p.title}\n{p.text}") for p in self.passages]
        self._known = {term for held in terms for term in held}
        if self.passages:
            self._bm25.index(terms, show_progress=False)

    def _terms_of(self, text: str) -> list[str]:
        return [*search_terms(text, self.language), *symbols(text)]

    @classmethod
    def build(cls, passages: Sequence[Passage], folder: Path, report: Report = silent) -> Index:
        """The index of the passages; embeddings are kept in ``folder``, only new ones are made."""
        import numpy as np

        units = [units_of(passage) for passage in passages]
        flat = [unit for own in units for unit in own]
        names = [content_id(unit.searched) for unit in flat]
        known = _load(folder / _FILE)
        missing = {n: u.searched for n, u in zip(names, flat, strict=True) if n not in known}
        if missing:
            made = embed(list(missing.values()), report=report)
            known |= dict(zip(missing, made, strict=True))
            _save(folder / _FILE, {name: known[name] for name in names})
        rows = [known[name] for name in names]
        return cls(passages, units, np.stack(rows) if rows else np.zeros((0, DIMENSIONS)))

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> Index:
        """The index of some passages, kept nowhere."""
        units = [units_of(passage) for passage in passages]
        return cls(passages, units, embed([unit.searched for own in units for unit in own]))

    def search(self, query: str, k: int = 5, *, vector: Any = None) -> list[Hit]:
        """The ``k`` best passages for the query, best first.

        Args:
            query: What is looked for.
            k: How many passages at most.
            vector: The query's embedding where the caller has it, shape (384,).
        """
        import numpy as np

        if not self.units or not query.strip():
            return []
        asked = embed([query], query=True)[0] if vector is None else vector
        near = self.vectors @ asked
        cosines = np.array([max((near[i] for i in own), default=0.0) for own in self.of_passage])
        known = [term for term in self._terms_of(query) if term in self._known]
        fused = _MEANING * _ranks(cosines)
        if known:
            lexical = self._bm25.get_scores(known)
            fused = fused + np.where(lexical > 0, _ranks(lexical), 0.0)
        return [
            Hit(passage=self.passages[i], score=float(np.clip(cosines[i], 0.0, 1.0)))
            for i in np.argsort(-fused, kind="stable")[:k]
        ]


def _load(path: Path) -> dict[str, Any]:
    """Embeddings by the name of what was embedded, as saved; empty where nothing was."""
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
