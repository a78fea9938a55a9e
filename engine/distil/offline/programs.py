"""Functions that the book writes: what one does is the task, its code the answer."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator, Sequence

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place, size
from engine.language import rules
from engine.schema import Block
from engine.text import sentences

_MOST_LINES = 14
_OWN = frozenset(dir(builtins)) | sys.stdlib_module_names
_NAMES = re.compile(r"[A-Za-z_]\w*")


def in_program(place: Place, blocks: Sequence[Block], number: int) -> Iterator[Find]:
    """A whole function after a sentence that says what it does («a function that counts …»)."""
    block, before = blocks[number], blocks[number - 1] if number else None
    code = block.text.strip()
    function = _function(code)
    if function is None or before is None or before.kind != "prose":
        return
    said = sentences(before.text.strip().removesuffix(":").removesuffix("："), place.language)
    x = _task(place, said[-1], function.name) if said else ""
    given = {a.arg for a in function.args.args}
    if x and _fit(place, x, given | {function.name}):
        parts = {"x": x, "bare": function.name}
        yield Find("program", "procedure", "write", parts, code, [code], block.page, place.section)


def _function(code: str) -> ast.FunctionDef | None:
    """The one function of a listing, if it needs nothing that the listing lacks."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or code.count("\n") > _MOST_LINES:
        return None
    nodes = list(ast.walk(body[0]))
    known = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    known |= {n.arg for n in nodes if isinstance(n, ast.arg)} | {body[0].name}
    used = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    short = "…" in code or "..." in code or len(nodes) < 8
    return body[0] if not short and not used - known - _OWN else None


def _task(place: Place, sentence: str, name: str) -> str:
    """What a sentence says that the function does, as it follows «a function that»."""
    does = rules(place.language).pattern("forms", "code", "does")
    match = does.search(sentence.replace(name, "NAME")) if does else None
    x = (match.group("x") or match.group("z") or "").strip(" .:") if match else ""
    return x.replace("NAME", name)


def _fit(place: Place, x: str, names: set[str]) -> bool:
    """Whether a task can be set by itself: it speaks of a term, and of no name but its own."""
    bare = _NAMES.sub(lambda word: "value" if word[0] in names - {"a"} else word[0], x)
    known = bool(place.terms.within(x))
    return known and 4 <= size(x) <= 30 and place.alone(bare) and not place.unsaid(bare)
