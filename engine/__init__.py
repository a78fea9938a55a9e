"""Coursewright's engine: from books to a course model, usable from any program.

Nothing is imported here, so that ``import engine`` stays light; take verbs from their rooms,
for example ``from engine.documents import read_document``. The map is in ``engine/README.md``.
"""

__version__ = "0.1.0"
