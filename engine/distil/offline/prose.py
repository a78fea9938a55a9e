"""Sentences of prose whose form says what they answer: definitions, causes, conditions, ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.distil.offline.entries import asked_as
from engine.distil.offline.errors import error_in
from engine.distil.offline.find import Find
from engine.distil.offline.forms import Form, forms, is_pronoun
from engine.distil.offline.place import Place, size
from engine.distil.offline.terms import called
from engine.gates import readable, tidy
from engine.language import rules
from engine.schema import Block
from engine.text import sentences

NAMED = (
    "thing",
    "things",
    "does",
    "works",
    "parts",
    "used",
    "stands",
    "suits",
    "occurs",
    "features",
)
"""Wordings that ask about a term itself; the others ask about a clause that speaks of one."""
ANYONE = ("if", "when", "before")
"""Wordings whose clause may begin with «you»."""
SHOWN = ("how", "does", "works", "used", "if", "when")
"""Wordings whose answer the code after it belongs to."""
_MOST_LINES = 8
_LONGEST_HALF = 16
"""Words (or so many and a half characters) of what may stand first in a turned sentence."""


def in_prose(place: Place, block: Block, code: str = "") -> Iterator[Find]:
    """What the sentences of a paragraph say outright.

    ``code`` is a listing that follows: a colon at the end hands over to it, and what the sentence
    explains it shows.
    """
    text, stop = block.text.rstrip(), rules(place.language).stop
    opens = bool(code) and text.endswith((":", "："))
    said = sentences(text[:-1] + stop if opens else text, place.language)
    previous = ""
    for number, sentence in enumerate(said, 1):
        shown = code if opens and number == len(said) else ""
        yield from in_sentence(place, sentence, block.page, previous, shown)
        previous = sentence


def in_sentence(
    place: Place, sentence: str, page: int, previous: str = "", code: str = ""
) -> Iterator[Find]:
    """What one sentence says by the first form that fits, with the one before if it needs it."""
    core = _tidy(sentence, place)
    answer, quotes = core, [sentence]
    if not _complete(core, place):
        core = answer = _cut(core, place)
    leaning = not _complete(core, place)
    if leaning:
        answer, quotes = place.joined(_tidy(previous, place), core), [previous, sentence]
        if not previous or not _goes_on(core, _tidy(previous, place), place):
            return
    for form in forms(place.language):
        found = [m for m in form.pattern.finditer(core) if _parts(m, form, place)]
        if not found or (leaning and not form.after):
            continue
        for match in found:
            yield _find(place, form, match, answer, quotes, page, code)
        return


def _cut(core: str, place: Place) -> str:
    """The sentence without a last clause that speaks of the whole of it."""
    tail = rules(place.language).pattern("forms", "patterns", "tail")
    return tail.sub(rules(place.language).stop, core) if tail else core


def _complete(core: str, place: Place) -> bool:
    """Whether a sentence says all by itself, also where it only seems to point back."""
    seems = rules(place.language).pattern("forms", "patterns", "seems")
    rest = seems.sub("", core) if seems else core
    short = rules(place.language).pattern("forms", "patterns", "cut_short")
    whole = short is None or not short.search(core)
    return whole and readable(core, place.language) and place.alone(rest)


def _find(
    place: Place,
    form: Form,
    match: re.Match[str],
    answer: str,
    quotes: Sequence[str],
    page: int,
    code: str,
) -> Find:
    parts, wording = _parts(match, form, place), form.wording
    if form.after:
        wording, named = asked_as(parts["bare"], "", place)
        parts = {**parts, **named}
    leaning = len(quotes) == 2
    if code and wording in SHOWN and code.count("\n") < _MOST_LINES and not place.strange(code):
        answer, quotes = f"{answer}\n{code}", [*quotes, code]
    if leaning:
        parts = {key: value for key, value in parts.items() if key in ("x", "bare")}
    source = "prose2" if leaning else "prose"
    return Find(source, form.kind, wording, parts, answer, quotes, page, place.section)


def _tidy(sentence: str, place: Place) -> str:
    """The sentence without its connector; a name of code keeps its small letter."""
    core = tidy(sentence, place.language)
    first = re.match(r"\w+(?:\.\w+)*", core)
    small = core[:1].lower() + core[1:]
    named = first and ("." in first[0] or f"{first[0].lower()}(" in place.terms.code)
    return small if named and small in sentence else core


def _goes_on(core: str, previous: str, place: Place) -> bool:
    """Whether the sentence points at the one before it and at nothing else («This is called …»)."""
    own = rules(place.language)
    lightly = own.pattern("forms", "patterns", "continues")
    if not lightly or not lightly.match(core):
        return False
    joined = place.joined(previous, core)
    return (
        place.alone("X" + lightly.sub("", core))
        and place.alone(previous)
        and readable(joined, place.language, longest=70)
    )


def _parts(match: re.Match[str], form: Form, place: Place) -> dict[str, str]:
    """What goes into the wording, or nothing where the subject will not do."""
    groups = _groups(match)
    x = groups["x"]
    of_anyone = form.wording in ANYONE  # «if you divide by zero» is no pointing back
    if not x or (is_pronoun(x, place.language) and not of_anyone):
        return {}
    if form.wording in ("difference", "compared"):
        return _compared(groups, place, apart=form.wording == "compared")
    if form.kind == "definition" and _weak(match.string, place):
        return {}
    if form.wording in NAMED:
        if not (form.names or _known(x, place)) or place.strange(x):
            return {}
        return {**groups, "x": _called(x, place), "bare": _bare(x, place)}
    if not place.alone(x) or place.unsaid(x) or not _speaks_of_a_term(x, place):
        return {}
    groups["x"] = place.lowered(x)
    groups |= _tool(match, form, place)
    error = error_in(match.string[_end(match) :]) if of_anyone else ""
    groups |= {"error": error} if error else {}
    y = groups.pop("y", "").rstrip(".。!！")
    if (
        y
        and not (of_anyone and is_pronoun(y, place.language))
        and size(y) <= _LONGEST_HALF * rules(place.language).sizes.scale
    ):
        groups["y"] = place.lowered(y)
    return groups


def _weak(text: str, place: Place) -> bool:
    """Whether a sentence only praises or sorts what it seems to define («is a common method»)."""
    weak = rules(place.language).pattern("forms", "patterns", "weak")
    return weak is not None and weak.search(text) is not None


def _known(x: str, place: Place) -> bool:
    """Whether the words are a term, or a name of code with the word for its sort beside it."""
    sorts = rules(place.language).pattern("forms", "code", "sorts")
    bare = sorts.sub(" ", x).strip() if sorts else x
    return bool(place.terms.source(x) or (bare != x and place.terms.source(bare)))


def _called(x: str, place: Place) -> str:
    """A term as it stands in a question; a name of code says of what sort it is."""
    name = x[:1].lower() + x[1:]
    return called(name, place.terms) if place.terms.source(x) == "code" else place.lowered(x)


def _bare(x: str, place: Place) -> str:
    """The term without its article."""
    article = rules(place.language).pattern("forms", "patterns", "article", flags=re.IGNORECASE)
    return place.lowered(article.sub("", x).strip("“”「」") if article else x)


def _groups(match: re.Match[str]) -> dict[str, str]:
    """The parts as they stand in the sentence.

    ``z`` is the subject at another place of the form; of «since lists are mutable, they …» the
    subject ``s`` stands in the other half.
    """
    groups = {k: (v or "").strip(" ,，“”「」") for k, v in match.groupdict().items()}
    if "s" in groups:
        s = groups["s"]
        return {"x": f"{s} {groups['w']}", "y": f"{s} {groups['v']}"}
    z = groups.pop("z", "")
    return groups | {"x": groups["x"] or z}


def _end(match: re.Match[str]) -> int:
    """Where the subject of a match ends."""
    return match.end("x") if "x" in match.re.groupindex else match.end("w")


def _tool(match: re.Match[str], form: Form, place: Place) -> dict[str, str]:
    """What a way of doing something uses, as ``tool``, where it is a term («the split method»)."""
    named = rules(place.language).pattern("forms", "patterns", "tool")
    used = named.search(match.string, _end(match)) if named and form.wording == "how" else None
    name = used.group("x").strip(" ,.") if used else ""
    if not name or not _known(_bare(name, place), place) or place.strange(name):
        return {}
    return {"tool": _called(name, place)}


def _speaks_of_a_term(x: str, place: Place) -> bool:
    """Whether a clause names a term, near its beginning where subjects may be left out."""
    within = rules(place.language).table("forms")["subjects"]["within"]
    return bool(place.terms.within(x[:within] if within else x))


def _compared(groups: dict[str, str], place: Place, *, apart: bool) -> dict[str, str]:
    """The two that are compared, as one subject or ``apart``; nothing if one is no term."""
    x, y = groups["x"], groups["y"]
    spaced = rules(place.language).spaced  # without spaces a cut word would be within one, too
    known = all(
        place.terms.source(name) or (spaced and place.terms.within(name)) for name in (x, y)
    )
    if not known or is_pronoun(y, place.language):
        return {}
    if apart:
        return {} if place.unsaid(f"{x} {y}") else {"x": place.lowered(x), "y": place.lowered(y)}
    pair = f"{place.lowered(x)}{rules(place.language).conjunction}{place.lowered(y)}"
    return {"x": pair}
