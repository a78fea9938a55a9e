"""Code with its output: «What does this print?», answered by the book's own output.

An interactive session shows what each line gave. A line is asked about where all names in it are
Python's own, or are made by lines of the same session that the question then shows. A bare name is
asked about where a line before changed what it refers to («t.append(…)», then «t»).
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
_NAME = re.compile(r"[A-Za-z_]\w*")
_UNSURE = re.compile(r"0x|random|^b['\"]|<.* at |Traceback|\.\.\.|^'/|\[Errno|^#|,$|[(\[{]$")
_MOST_LINES, _MOST_OUTPUT, _MOST_FINDS = 5, 120, 6


@dataclass(frozen=True)
class Typed:
    """A statement of a session with what it printed.

    ``makes`` and ``needs`` are names, ``changes`` those whose value it changes in place; ``shape``
    is the statement without its constants: of two of one shape the second shows nothing new.
    """

    code: str
    output: str
    makes: frozenset[str]
    needs: frozenset[str]
    expression: bool
    shape: str
    changes: frozenset[str] = frozenset()


def in_session(place: Place, block: Block) -> Iterator[Find]:
    """One find for each statement that shows something and can be asked about by itself."""
    steps = _steps(block.text)
    seen: set[str] = set()
    for number, step in enumerate(steps):
        changed = any(earlier.changes for earlier in steps[:number])
        shape = f"{number}" if _NAME.fullmatch(step.code) and changed else step.shape
        if not step.output or not _worth(step, changed=changed) or shape in seen:
            continue
        seen.add(shape)
        before = _needed(steps[:number], step, whole=changed)
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


def _worth(step: Typed, *, changed: bool = False) -> bool:
    """Whether the statement is more than a name or a number echoed, or its name was changed."""
    if (
        "input(" in step.code
        or "\n" in step.output
        or _UNSURE.search(step.output)
        or len(step.output) > _MOST_OUTPUT
        or not (_failed(step) or "print(" in step.code or _shown(step.output))
        or "\n" in step.code
    ):
        return False
    if step.code.startswith(("import ", "from ")) or not (step.expression or _failed(step)):
        return False
    if changed and _NAME.fullmatch(step.code):
        return True
    return not re.fullmatch(r"[\w.]+|'[^']*'|\"[^\"]*\"|[\d .+*/-]*", step.code.strip())


def _shown(output: str) -> bool:
    """Whether Python shows a value so, today, too: dictionaries once had another order."""
    try:
        value = ast.literal_eval(output)
    except (SyntaxError, ValueError):
        return output.startswith("<class '")
    return value is not None and not (isinstance(value, dict | set) and len(value) > 1)


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
    changed = _changed(tree)
    shape = re.sub(r"Constant\([^)]*\)", "C", ast.dump(tree))
    made = frozenset(stored | imported | changes | changed)
    return Typed(code, output, made, frozenset(needs | changed), single, shape, frozenset(changed))


def _changed(tree: ast.AST) -> set[str]:
    """Names whose value a statement changes in place: by a method, an item, an attribute, «del»."""
    found: set[str] = set()
    for node in ast.walk(tree):
        inner: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            inner = node.func.value
        elif isinstance(node, ast.Subscript | ast.Attribute):
            inner = None if isinstance(node.ctx, ast.Load) else node.value
        elif isinstance(node, ast.AugAssign):
            inner = node.target
        while isinstance(inner, ast.Subscript | ast.Attribute):
            inner = inner.value
        found |= {inner.id} if isinstance(inner, ast.Name) else set()
    return found


def _foreign(tree: ast.AST) -> set[str]:
    """Names that a statement imports from modules that are not Python's own."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            module = getattr(node, "module", None) or node.names[0].name
            if module.split(".")[0] not in sys.stdlib_module_names:
                found |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return found


def _all(before: Sequence[Typed], step: Typed) -> list[Typed] | None:
    """All statements before it that do more than show a name; None: some need what is not shown."""
    made: set[str] = set()
    shown = [earlier for earlier in before if not _NAME.fullmatch(earlier.code)]
    for earlier in (*shown, step):
        if earlier.needs - made:
            return None
        made |= earlier.makes
    return shown


def closed(code: str) -> bool:
    """Whether a session shows something, and all that it needs; what it prints holds today."""
    steps = _steps(code)
    shown = [step for step in steps if step.output]
    if not shown or _failed(shown[-1]) and len(shown) == 1:
        return False
    sure = all(_failed(s) or "print(" in s.code or _shown(s.output) for s in shown)
    unsure = any(_UNSURE.search(s.output) or "input(" in s.code for s in steps)
    whole = bool(steps) and _all(steps[:-1], steps[-1]) is not None
    return sure and not unsure and whole


def _needed(before: Sequence[Typed], step: Typed, *, whole: bool) -> list[Typed] | None:
    """The statements before it on which a statement depends, in order; None: some are not shown.

    Where one changed a value in place (``whole``), all are shown: another name may have it, too.
    """
    if not step.needs:
        return []
    if whole:
        return _all(before, step)
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
