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
_PURE = frozenset(dir(str)) | {"get", "keys", "values", "items", "copy"}
"""Methods that change nothing, whatever they are called on."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_UNSURE = re.compile(
    r"0x|random|^b['\"]|<.* at |Traceback|\.\.\.|^'/|\[Errno|^#|,$|\.\d{8,13}\b|[(\[{]$"
)
_WORLD = re.compile(
    r"\b(?:open|input|os|random|time|datetime|sys|subprocess|shelve|dbm|pickle|urllib|locale)\b"
)
"""What makes a statement show something else on another day or machine."""
_MOST_LINES, _MOST_OUTPUT, _MOST_FINDS = 5, 120, 6


@dataclass(frozen=True)
class Typed:
    """A statement of a session with what it printed.

    ``makes`` and ``needs`` are names, ``changes`` those whose value it changes in place; ``shape``
    is the statement without its constants: of two of one shape the second shows nothing new;
    ``literal``: it gives a name the value that stands there.
    """

    code: str
    output: str
    makes: frozenset[str]
    needs: frozenset[str]
    expression: bool
    shape: str
    changes: frozenset[str] = frozenset()
    literal: bool = False


def in_session(place: Place, blocks: Sequence[Block], number: int) -> Iterator[Find]:
    """One find for each statement that shows something and can be asked about by itself.

    What it needs may stand in a session before it in the section.
    """
    block = blocks[number]
    past = [s for b in blocks[:number] if b.kind == "code" for s in _steps(b.text)]
    seen: set[str] = set()
    for step in _steps(block.text):
        named = _NAME.fullmatch(step.code) is not None
        before = _needed(past, step)
        past.append(step)
        shape = "\n".join(s.code for s in before or ()) + step.code if named else step.shape
        if before is None or shape in seen or not step.output:
            continue
        if _worth(step, computed=named and bool(before) and not before[-1].literal):
            seen.add(shape)
            if len(before) < _MOST_LINES and len(seen) <= _MOST_FINDS and _settled(before, step):
                yield _find(place, block, before, step)


def _find(place: Place, block: Block, before: Sequence[Typed], step: Typed) -> Find:
    shown = "\n".join(f">>> {s.code}" for s in (*before, step))
    wording = "fails" if _failed(step) else "prints"
    code = shown if before else step.code
    inline = "\n" in code
    x = f"\n{code}" if inline else f"`{code}`"
    kind_of = wording + ("_all" if inline else "")
    topic = place.lowered(place.topic())
    parts = {"x": x, "y": step.output} | ({"topic": topic} if topic and inline else {})
    return Find(
        "session", "fact", kind_of, parts, step.output,
        [step.output], block.page, place.section,
    )  # fmt: skip


def _worth(step: Typed, *, computed: bool) -> bool:
    """Whether the statement is more than a number echoed, or a name that holds what was typed."""
    if (
        "\n" in step.output
        or _UNSURE.search(step.output)
        or len(step.output) > _MOST_OUTPUT
        or not (_failed(step) or "print(" in step.code or _shown(step.output))
        or "\n" in step.code
    ):
        return False
    if step.code.startswith(("import ", "from ")) or not (step.expression or _failed(step)):
        return False
    if computed:
        return True
    return not re.fullmatch(r"[\w.]+|'[^']*'|\"[^\"]*\"|[\d .+*/-]*", step.code.strip())


def _shown(output: str) -> bool:
    """Whether Python shows a value so, today, too: dictionaries once had another order."""
    try:
        value = ast.literal_eval(output)
    except (SyntaxError, ValueError):
        return output.startswith("<class '")
    exact = not isinstance(value, float) or repr(value) == output
    return value is not None and exact and not (isinstance(value, dict | set) and len(value) > 1)


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
    loaded = {n.id for n in names if isinstance(n.ctx, ast.Load)} - _OWN - _bound(tree)
    single = len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)
    changed = _changed(tree) - _OWN
    shape = re.sub(r"Constant\([^)]*\)", "C", ast.dump(tree))
    undefined = set(re.findall(r"^NameError: .*?'(\w+)'", output))
    needs = frozenset((loaded | foreign | changed) - undefined)
    made = frozenset(stored | imported | changed)
    return Typed(code, output, made, needs, single, shape, frozenset(changed), _is_literal(tree))


def _bound(tree: ast.AST) -> set[str]:
    """Names that a statement makes for itself: of comprehensions, loops and small functions."""
    loops = (n.target for n in ast.walk(tree) if isinstance(n, ast.comprehension | ast.For))
    found = {n.id for loop in loops for n in ast.walk(loop) if isinstance(n, ast.Name)}
    return found | {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}


def _is_literal(tree: ast.Module) -> bool:
    """Whether the statement gives a name the value that stands there."""
    first = tree.body[0] if tree.body else None
    if not isinstance(first, ast.Assign) or not isinstance(first.targets[0], ast.Name):
        return False
    try:
        ast.literal_eval(first.value)
    except ValueError:
        return False
    return True


def _changed(tree: ast.AST) -> set[str]:
    """Names whose value a statement may change: by a method, an item, an attribute, a call."""
    found: set[str] = set()
    for node in ast.walk(tree):
        for inner in _touched(node):
            while isinstance(inner, ast.Subscript | ast.Attribute):
                inner = inner.value
            found |= {inner.id} if isinstance(inner, ast.Name) else set()
    return found


def _touched(node: ast.AST) -> Sequence[ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return [] if node.func.attr in _PURE else [node.func.value]
    if isinstance(node, ast.Call):
        own = isinstance(node.func, ast.Name) and node.func.id in _OWN - {"next", "setattr"}
        return [] if own else [*node.args, *(word.value for word in node.keywords)]
    if isinstance(node, ast.Subscript | ast.Attribute):
        return [] if isinstance(node.ctx, ast.Load) else [node.value]
    return [node.target] if isinstance(node, ast.AugAssign) else []


def _foreign(tree: ast.AST) -> set[str]:
    """Names that a statement imports from modules that are not Python's own."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            module = getattr(node, "module", None) or node.names[0].name
            if module.split(".")[0] not in sys.stdlib_module_names:
                found |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return found


def _needed(past: Sequence[Typed], step: Typed) -> list[Typed] | None:
    """The statements on which a statement depends, in order; None: some are not shown.

    A slice of the session (Weiser 1981, "Program slicing"): what made or changed the names that it
    needs. Where a value may have been changed under another name nothing is sure. A module of
    Python's own that nobody imported is imported.
    """
    wanted, names, kept = set(step.needs), set(step.needs), list[Typed]()
    done = [earlier for earlier in past if not _failed(earlier)]
    for earlier in reversed(done):
        if not earlier.makes & wanted:
            continue
        kept.insert(0, earlier)
        wanted -= earlier.makes - earlier.changes - earlier.needs
        wanted |= earlier.needs
        names |= earlier.needs
    if any(_aliased(other.changes - names, names, done) for other in done):
        return None
    missing = _open([*kept, step])
    imports = [_step(f"import {name}", "") for name in sorted(missing & sys.stdlib_module_names)]
    return [*imports, *kept] if not _open([*imports, *kept, step]) else None


def _aliased(changed: set[str] | frozenset[str], names: set[str], done: Sequence[Typed]) -> bool:
    """Whether an assignment ties what was changed to one of the names."""
    return any(
        changed & (s.makes | s.needs) and names & (s.makes | s.needs)
        for s in done
        if not s.expression and not s.changes
    )


def _settled(before: Sequence[Typed], step: Typed) -> bool:
    """Whether the statements show the same everywhere: no chance, clock, file or input."""
    return not any(_WORLD.search(s.code) for s in (*before, step))


def _open(steps: Sequence[Typed]) -> set[str]:
    """Names that some of the statements need before any of them makes them."""
    made: set[str] = set()
    found: set[str] = set()
    for step in steps:
        found |= step.needs - made
        made |= step.makes
    return found


def closed(code: str) -> bool:
    """Whether a session shows something, and all that it needs; what it prints holds today."""
    steps = _steps(code)
    shown = [step for step in steps if step.output]
    if not shown or _failed(shown[-1]) and len(shown) == 1:
        return False
    sure = all(_failed(s) or "print(" in s.code or _shown(s.output) for s in shown)
    unsure = any(_UNSURE.search(s.output) for s in steps) or not _settled(steps[:-1], steps[-1])
    return sure and not unsure and not _open(steps)
