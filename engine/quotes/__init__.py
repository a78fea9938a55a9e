"""What the books say to a question: one contiguous quote, and whether there is an answer at all.

    asked       the question taken apart: terms, operators, what it wants
    lexicon     the words of all units; slips of the pen put right
    candidates  units found by meaning, words and letters, with features
    rank        the best unit, grown to a quote that can be read by itself
    coverage    covered, doubtful or absent

The models' weights are data (``weights.json``), fitted and measured by ``tests/bench/quotes``.
"""

from engine.quotes.asked import Asked, asked, speaks
from engine.quotes.candidates import Candidates, candidates
from engine.quotes.coverage import Verdict, verdict
from engine.quotes.rank import Quote, best_quotes, onward, quotes_of

__all__ = [
    "Asked",
    "Candidates",
    "Quote",
    "Verdict",
    "asked",
    "best_quotes",
    "candidates",
    "onward",
    "quotes_of",
    "speaks",
    "verdict",
]
