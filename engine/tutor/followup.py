"""What a learner means who goes on: "why?", "another example", "I don't get it", "and for tuples?".

Offline the subject comes from the talk: a message that has none of its own, or points back, is put
behind the question that it follows. The words are in ``tutor.toml`` (``followups``).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, get_args

from engine.language import rules
from engine.quotes import asked
from engine.schema import Language, Value
from engine.tutor.conversation import Conversation

Move = Literal["shorter", "example", "simpler", "why", "more"]
_MOVES: tuple[Move, ...] = get_args(Move)


class Meant(Value):
    """A message as it is meant: the question in full, and what move of the tutor it asks for.

    ``follows`` says that it goes on with the talk's topic.
    """

    question: str
    move: Move | None = None
    follows: bool = False


def understood(message: str, talk: Conversation, language: Language) -> Meant:
    """The message, with its subject from the talk where it has none."""
    if not talk.topic:
        return Meant(question=message)
    move = next((m for m in _MOVES if _pattern(m, language).search(message)), None)
    own = asked(_without(message, move, language), language)
    alone = bool(own.everything)
    if move and not alone:
        return Meant(question=_asking(move, talk.topic, language), move=move, follows=True)
    if move or _pattern("back", language).search(message) or not alone:
        return Meant(question=f"{talk.topic}\n{message}", move=move, follows=True)
    return Meant(question=message)


def _without(message: str, move: Move | None, language: Language) -> str:
    return _pattern(move, language).sub(" ", message) if move else message


def _asking(move: Move, topic: str, language: Language) -> str:
    """The topic, asked for what the move wants."""
    template: str = rules(language).table("tutor")["followups"]["asks"].get(move, "{topic}")
    return template.format(topic=topic)


@cache
def _pattern(name: str, language: Language) -> re.Pattern[str]:
    found = rules(language).table("tutor")["followups"][name]
    return re.compile("|".join(found), re.IGNORECASE)
