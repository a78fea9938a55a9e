"""Code with its output: «What does this print?», answered by the book's own output.

An interactive session shows what each line gave. A line is asked about where all names in it are
Python's own, or are made by lines of the same session that the question then shows.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.distil.offline.find import Find
from engine.distil.offline.place import Place
from engine.schema import Block

_PROMPT = re.compile(r"^>>> ?(?P<code>.*)$")
_MORE = re.compile(r"^\.\.\. ?(?P<code>.*)$")
_OWN = frozenset(dir(builtins))
_UNSURE = re.compile(r"0x|random|^b['\"]|<.* at |Traceback|\.\.\.|\[Errno|^#|,$|[(\[{]$")
_MOST_LINES, _MOST_OUTPUT, _MOST_FINDS = 5, 120, 6


@dataclass(frozen=True)
class Typed:
    """A statement of a session with what it printed.

    ``makes`` and ``needs`` are names; ``shape`` is the statement without its constants: of two of
    one shape the second shows nothing new.
    """

    code: str
    output: str
    makes: frozenset[str]
    needs: frozenset[str]
    expression: bool
    shape: str


def in_session(place: Place, block: Block) -> Iterator[Find]:
    """One find for each statement that shows something and can be asked about by itself."""
    steps = _steps(block.text)
    seen: set[str] = set()
    for number, step in enumerate(steps):
        if not step.output or not _worth(step) or step.shape in seen:
            continue
        seen.add(step.shape)
        before = _needed(steps[:number], step)
        if before and any("input(" in s.code for s in before):
            continue
        if before is None or len(before) + 1 > _MOST_LINES:
            continue
        if len(seen) <= _MOST_FINDS:
            yield _find(place, block, before, step)


def _find(place: Place, block: Block, before: Sequence[Typed], step: Typed) -> Find:
    shown = "\n".join(f">>> {s.code}" for s in (*before, step))
    wording = "fails" if _failed(step) else "prints"
    code = shown if before else step.code
    inline = "\n" in code
    x = f"\n{code}" if inline else f"`{code}`"
    kind_of = wording + ("_all" if inline else "")
    return Find(
        "session", "fact", kind_of, {"x": x, "y": step.output}, step.output,
        [step.output], block.page, place.section,
    )  # fmt: skip


def _worth(step: Typed) -> bool:
    """Whether the statement is more than a name or a number echoed."""
    if (
        "input(" in step.code
        or "\n" in step.output
        or _UNSURE.search(step.output)
        or len(step.output) > _MOST_OUTPUT
        or "\n" in step.code
    ):
        return False
    if step.code.startswith(("import ", "from ")) or not (step.expression or _failed(step)):
        return False
    return not re.fullmatch(r"[\w.]+|'[^']*'|\"[^\"]*\"|[\d .+*/-]*", step.code.strip())


def _failed(step: Typed) -> bool:
    return re.match(r"^\w*(?:Error|Exception)\b", step.output) is not None


def _steps(text: str) -> list[Typed]:
    found: list[Typed] = []
    code = ""
    output: list[str] = []
    for line in [*text.split("\n"), ">>> "]:
        begins, goes_on = _PROMPT.match(line), _MORE.match(line)
        if begins:
            if code.strip():
                found.append(_step(code, "\n".join(output).strip()))
            code, output = begins.group("code"), []
        elif goes_on and not output:
            code += "\n" + goes_on.group("code")
        elif code:
            output.append(line)
    return found


def _step(code: str, output: str) -> Typed:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        broken = "SyntaxError" in output
        return Typed(
            code, output, frozenset(), frozenset() if broken else frozenset("?"), False, code
        )
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    foreign = imported - sys.stdlib_module_names if imported & _foreign(tree) else set()
    needs = {n.id for n in names if isinstance(n.ctx, ast.Load)} - _OWN - stored | foreign
    single = len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)
    calls = any(isinstance(node, ast.Call) for node in ast.walk(tree))
    changes = {n.id for n in names} - _OWN if calls and single else set()
    shape = re.sub(r"Constant\([^)]*\)", "C", ast.dump(tree))
    made = frozenset(stored | imported | changes)
    return Typed(code, output, made, frozenset(needs), single, shape)


def _foreign(tree: ast.AST) -> set[str]:
    """Names that a statement imports from modules that are not Python's own."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            module = getattr(node, "module", None) or node.names[0].name
            if module.split(".")[0] not in sys.stdlib_module_names:
                found |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return found


def _needed(before: Sequence[Typed], step: Typed) -> list[Typed] | None:
    """The statements before it on which a statement depends, in order; None: some are not shown."""
    wanted = set(step.needs)
    kept: list[Typed] = []
    open_names = set(wanted)
    for earlier in reversed(before):
        if earlier.makes & wanted:
            kept.insert(0, earlier)
            wanted |= earlier.needs
            open_names |= earlier.needs
            if not earlier.expression:
                open_names -= earlier.makes - earlier.needs
    return None if open_names else kept
