"""What the catalogues of the screens have to hold, and ``python -m tests.app.messages``: brings them up to date.

Each ``.po`` file under ``pages/shared/locale`` (or the files named) gets an empty entry for what it
lacks, and loses what no screen says any more; a file that is named and does not exist is begun.
``--check`` changes nothing and prints what lacks.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from engine.steps import STEPS

ROOT = Path(__file__).parents[2]
LOCALE = ROOT / "pages" / "shared" / "locale"
OPEN = ("errors", "stages", "kinds", "warnings")
"""Contexts whose codes are not listed in one place: what stands there is kept."""


class Source(NamedTuple):
    """A message of the screens; ``many`` is its English plural, ``context`` the kind of a code."""

    one: str
    many: str = ""
    context: str = ""


def sources() -> set[Source]:
    """Everything that a catalogue has to translate."""
    codes = {Source(code, context="errors") for code in engine_codes()}
    steps = {Source(step.name, context="steps") for step in STEPS}
    reasons = {Source(text, context="reasons") for text in backend_reasons()}
    return set(screen_texts()) | codes | steps | reasons


def screen_texts() -> Iterator[Source]:
    """The literals of ``_("…")`` and ``_n("…", "…", count)``."""
    for path, node in calls("pages", "_"):
        assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno} is not a literal"
        yield Source(node.args[0].value)
    for path, node in calls("pages", "_n"):
        one, many = node.args[:2]
        where = f"{path}:{node.lineno} is not a literal"
        assert isinstance(one, ast.Constant) and isinstance(many, ast.Constant), where
        yield Source(one.value, many.value)


def calls(folder: str, name: str) -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
                yield path, node


def engine_codes() -> set[str]:
    """The codes of the engine's errors and warnings."""
    found = set()
    for path in sorted((ROOT / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.keyword) and node.arg == "code"
            if named and isinstance(node.value, ast.Constant) and node.value.value:
                found.add(node.value.value)
    return found


def backend_reasons() -> set[str]:
    """Why a backend was chosen: whole sentences that the engine says."""
    tree = ast.parse((ROOT / "engine/train/backends.py").read_text(encoding="utf-8"))
    return {
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Choice"
    }


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name)


def write(path: Path, found: Catalog) -> None:
    """Write a catalogue as we keep it: a short head, no places, in the order of its entries."""
    for message in found:
        message.flags.difference_update(("python-format", "python-brace-format"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, found, width=110, no_location=True, ignore_obsolete=True)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    empty = ("Project-Id", "Report-", "POT-", "PO-Rev", "Last-Tr", "Language-Team", "Generated")
    kept = [line for line in lines if not line.lstrip('"').startswith(empty)]
    path.write_text("".join(kept), encoding="utf-8")


def lacking(found: Catalog) -> list[Source]:
    """What the catalogue does not translate; a code of the warnings may stand there instead."""

    def translated(source: Source) -> bool:
        wanted = [source.context or None]
        wanted += ["warnings"] if source.context == "errors" else []
        held = [found.get(source.one, context=context) for context in wanted]
        given = [m.string if isinstance(m.string, tuple) else (m.string,) for m in held if m]
        return any(all(text) and len(text) == _forms(found, source) for text in given)

    return sorted(source for source in sources() if not translated(source))


def _forms(found: Catalog, source: Source) -> int:
    return found.num_plurals if source.many else 1


def left_over(found: Catalog) -> list[Source]:
    """Entries that no screen or code needs."""
    needed = {(source.one, source.context) for source in sources()}
    entries = [m for m in found if m.id and (m.context or "") not in OPEN]
    ids = [(m.id[0] if isinstance(m.id, tuple) else m.id, m.context or "") for m in entries]
    return sorted(Source(one, "", context) for one, context in ids if (one, context) not in needed)


def update(path: Path) -> None:
    found = read(path) if path.exists() else Catalog(locale=path.parents[1].name, fuzzy=False)
    for source in left_over(found):
        found.delete(source.one, context=source.context or None)
    for source in lacking(found):
        if found.get(source.one, context=source.context or None) is None:
            found.add(
                (source.one, source.many) if source.many else source.one,
                context=source.context or None,
            )
    write(path, found)


def main(words: list[str]) -> int:
    paths = [Path(word) for word in words if word != "--check"] or sorted(LOCALE.rglob("*.po"))
    wrong = 0
    for path in paths:
        if "--check" not in words:
            update(path)
        for source in lacking(read(path)):
            wrong += 1
            print(f"{path}: {source.context + ': ' if source.context else ''}{source.one}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
