"""The offline teacher: it finds what a book says outright, and asks for exactly that.

No language model is used. Finders, one idea a file, read a section: entries of glossaries
(``entries``), sentences (``prose``), lists (``lists``), tables (``tables``), code with its output
(``sessions``), examples (``shown``), functions that the book writes (``programs``), what errors
mean (``errors``), the book's own questions (``asked``), formulas (``formulas``) and common errors
(``cautions``). What is asked about has to be a term of the course (``terms``) and to stand alone
(``place``); ``worth`` then judges whether the pair is worth learning. Answers are spans of the
book. What it cannot do: reason, compare across sections, or word an answer better than the book.
"""

from engine.distil.offline.find import Find, point_of
from engine.distil.offline.read import finds_of, taught
from engine.distil.offline.terms import Terms, book_terms

VERSION = 2
"""Raised whenever the teacher makes other pairs of the same book, so that a corpus is made anew."""

__all__ = ["VERSION", "Find", "Terms", "book_terms", "finds_of", "point_of", "taught"]
