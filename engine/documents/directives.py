"""MyST and Sphinx directives, and d2l's marks, opened or taken out before Markdown is parsed.

``{note}``, ``{exercise}`` and their like become boxes (``mkdocs.box``), listings become listings,
references their title or «the figure», per-framework copies one copy; labels and citations go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from engine.documents.mkdocs import box
from engine.language import rules
from engine.text import CJK, language_of

Labels = Mapping[str, str]
"""What the labels of a book point to: the title of a section, else the kind of thing."""
_OPEN = re.compile(r"^(\s*)(`{3,}|~{3,}|:{3,})\s*\{([\w:.-]+)\}\s*(.*)$")
_ANY_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_OPTION = re.compile(r"^\s*:[\w-]+:(\s.*)?$")
_CODE = {
    "code", "code-block", "code-cell", "sourcecode", "doctest", "testcode", "ipython", "python",
    ".python", "r", "julia", "c", "cpp", "java", "bash", "sql",
}  # fmt: skip
_GONE = {
    "toctree", "tableofcontents", "contents", "index", "bibliography", "raw", "include", "label",
    "currentmodule", "module", "mermaid", "plot", "video", "youtube", "iframe", "embed", "image",
    "literalinclude", "eval-rst", "only", "meta", "comment", "glue", "autoclass", "automodule",
    "autofunction", "highlight", "target", "list-of-figures",
}  # fmt: skip
_TABS = {"tab-item", "tab", "group-tab", "code-tab"}
_OPENED = {"tab-set", "tabs", "div", "grid", "grid-item", "grid-item-card", "card", "container",
           "margin", "sidebar", "dropdown", "table", "list-table", "rubric", "topic"}  # fmt: skip
_CAPTIONED = {"figure", "figure-md", "carousel"}
_ROLE = re.compile(r"\{([\w:+-]+)\}`([^`]+)`|:([a-z]\w*(?::\w+)?):`([^`]+)`")
_TARGET = re.compile(r"^(?P<text>.*?)\s*<(?P<label>[^<>]+)>$")
_ANCHOR = re.compile(r"^\s*\(([\w:.-]+)\)=\s*$")
_LABEL_LINE = re.compile(r"^\s*:(?:label|eqlabel|width|height|align|name|scale):(?:`[^`]*`)?\s*$")
_TRAILING = re.compile(r"\s*:(?:label|eqlabel|width|height):`[^`]*`")
_TAB_LINE = re.compile(r"^\s*:begin_tab:`([^`]*)`\s*$")
_TAB_END = re.compile(r"^\s*:end_tab:\s*$")
_CODE_TAB = re.compile(r"^\s*(?:#@tab|%%tab)\s+(.+?)\s*$")
_MAGIC = re.compile(r"^\s*(?:%load_ext|%matplotlib|tab\.interact_select|#@save\b|%%?\w+\b.*d2l)")
_HEAD = re.compile(r"^#{1,6}\s+(.+?)\s*(?:\{[#.][^}]*\})?\s*$")
_PICTURE = re.compile(r"^\s*!\[(?P<caption>[^\]]*)\]\(")
_NO_PROSE = re.compile(
    r"^(`{3,}|~{3,}).*?^\1|:?\{?[\w:]*\}?`[^`]*`|\$[^$]*\$|\]\([^)]*\)", re.DOTALL | re.MULTILINE
)
_GAP = re.compile(
    rf"(?<=[{CJK}，。、：；]) +(?=[{CJK}，。、：；“（])"
    rf"| +(?=[.,;:!?，。；：！？](?:\s|$|[{CJK}]))"
)
_CITED = {"cite", "cite:p", "cite:t", "citep", "citet", "footcite", "index", "label", "eqlabel",
          "width", "height", "cite:ts", "cite:ps", "citet:p"}  # fmt: skip
_POINTS = {"ref", "numref", "doc", "eq", "eqref", "secref", "figref", "prf:ref", "cref", "hyperref"}
_KINDS = (("fig", "figure"), ("img", "figure"), ("tab", "table"), ("tbl", "table"),
          ("eq", "equation"), ("sec", "section"), ("subsec", "section"), ("chap", "chapter"),
          ("ch", "chapter"))  # fmt: skip


def labels_of(text: str) -> dict[str, str]:
    """The labels that a text sets, each with the title of what it stands at ('' if it has none)."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    title = ""
    for line in text.split("\n"):
        if anchor := _ANCHOR.match(line):
            waiting.append(anchor[1])
        elif head := _HEAD.match(line):
            title = _bare(head[1])
            found |= dict.fromkeys(waiting, title)
            waiting = []
        elif named := re.match(r"^\s*:label:`([^`]+)`", line):
            found.setdefault(named[1], title)
        elif line.strip():
            found |= dict.fromkeys(waiting, "")
            waiting, title = [], ""
    return found


def _bare(title: str) -> str:
    return re.sub(r"[*_`]", "", _ROLE.sub("", title)).strip()


def resolved(lines: Sequence[str], labels: Labels) -> list[str]:
    """The lines without directives: opened, resolved or dropped; ``labels`` as of ``labels_of``."""
    text = "\n".join(lines)
    if "{" not in text and ":" not in text:
        return list(lines)
    own = {**labels_of(text), **labels}
    language = language_of(_NO_PROSE.sub(" ", text)[:20000])
    says = rules(language).table("documents")["references"]
    opened = list(_opened(_one_framework(list(lines)), 0))
    return list(_inline(opened, own, says))


# ------------------------------------------------------------------ blocks


def _opened(lines: Sequence[str], depth: int) -> Iterator[str]:
    i, tabs = 0, 0
    while i < len(lines):
        found = _OPEN.match(lines[i]) if depth < 12 else None
        if not found:
            end = _past_fence(lines, i)
            yield from (line for line in lines[i:end] if not _ANCHOR.match(line))
            tabs = 0 if lines[i].strip() else tabs
            i = end
            continue
        inside, end = _inside(lines, i, found[2])
        name = found[3].lower()
        tabs = tabs + 1 if name in _TABS else 0
        if tabs < 2:
            yield from _directive(name, found[4].strip(), inside, depth)
        i = end


def _past_fence(lines: Sequence[str], start: int) -> int:
    """The line after a plain listing that begins here, else the next line."""
    fence = _ANY_FENCE.match(lines[start])
    if not fence:
        return start + 1
    for i in range(start + 1, len(lines)):
        if re.match(rf"^\s*{re.escape(fence[1])}+\s*$", lines[i]):
            return i + 1
    return start + 1


def _inside(lines: Sequence[str], start: int, fence: str) -> tuple[list[str], int]:
    """The lines of a directive and the index past its end; all that follow where it has none."""
    for i in range(start + 1, len(lines)):
        if re.match(rf"^\s*{re.escape(fence[0])}{{{len(fence)},}}\s*$", lines[i]):
            return list(lines[start + 1 : i]), i + 1
    return list(lines[start + 1 :]), len(lines)


def _directive(name: str, title: str, inside: list[str], depth: int) -> Iterator[str]:
    name = name.split(":")[-1]
    options, body = _options(inside)
    if name in _CODE:
        yield from ("", "```", *(line for line in body if not _MAGIC.match(line)), "```", "")
    elif name == "math":
        yield from ("", "$$", *filter(None, (title, *body)), "$$", "")
    elif name in _GONE:
        return
    elif name in _CAPTIONED:
        shown = [line for line in body if not _PICTURE.match(line)]
        yield from box("caption", "", list(_opened(shown, depth + 1)))
    elif name == "glossary":
        yield from box("glossary", "", list(_terms(body)))
    elif name in _TABS or name in _OPENED:
        caption = title if name in ("table", "list-table") else ""
        yield from ("", *(box("caption", caption, []) if caption else ()), "")
        yield from _opened(body, depth + 1)
        yield ""
    else:
        named = f"{name} {options.get('class', '')}"
        title = "" if name.startswith("solution") else title  # the label of its exercise
        yield from box(named, title, list(_opened(body, depth + 1)))


def _options(inside: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options at a directive's top (``:class: tip`` or between ``---``) and its text."""
    lines = list(inside)
    found: dict[str, str] = {}
    if lines and lines[0].strip() == "---":
        end = next((i for i in range(1, len(lines)) if lines[i].strip() == "---"), 0)
        pairs = (line.partition(":") for line in lines[1:end])
        return {k.strip(): v.strip() for k, _, v in pairs}, lines[end + 1 :]
    while lines and _OPTION.match(lines[0]) and not _ROLE.match(lines[0].strip()):
        key, _, value = lines.pop(0).strip().strip(":").partition(":")
        found[key] = value.strip()
    return found, lines


def _terms(lines: Sequence[str]) -> Iterator[str]:
    """A Sphinx glossary, «term» and its meaning indented below, as «term: meaning»."""
    term = ""
    meaning: list[str] = []
    for line in [*lines, ""]:
        if line.strip() and not line[:1].isspace():
            if term and meaning:
                yield from (f"{term}: {' '.join(meaning)}", "")
            term, meaning = line.strip(), []
        elif line.strip():
            meaning.append(line.strip())
    if term:
        yield from (f"{term}: {' '.join(meaning)}" if meaning else term, "")


# ------------------------------------------------------------------ copies for each framework


def _one_framework(lines: list[str]) -> list[str]:
    """d2l's copies of a text or listing for each framework: that of one framework throughout."""
    units = list(_units(lines))
    votes = Counter(name for names, _ in units for name in names if name != "all")
    chosen = votes.most_common(1)[0][0] if votes else ""
    found: list[str] = []
    run: list[tuple[tuple[str, ...], list[str]]] = []
    for names, part in [*units, ((), [])]:
        if names:
            run.append((names, part))
            continue
        if run and part != [""]:
            found += _picked(run, chosen)
            run = []
        found += part
    return found + (_picked(run, chosen) if run else [])


def _picked(run: Sequence[tuple[tuple[str, ...], list[str]]], chosen: str) -> list[str]:
    kept = [part for names, part in run if chosen in names or "all" in names]
    return [line for part in kept or [run[0][1]] for line in ("", *part, "")]


def _units(lines: Sequence[str]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Lines with the frameworks they are for: none for what all readers see."""
    i = 0
    while i < len(lines):
        if tab := _TAB_LINE.match(lines[i]):
            end = next((j for j in range(i, len(lines)) if _TAB_END.match(lines[j])), len(lines))
            yield _names(tab[1]), list(lines[i + 1 : end])
            i = end + 1
            continue
        end = _past_fence(lines, i)
        part = list(lines[i:end])
        named = (
            next((m for x in part[1:4] if (m := _CODE_TAB.match(x))), None) if end > i + 1 else None
        )
        if named:
            yield _names(named[1]), [x for x in part if not _CODE_TAB.match(x)]
        else:
            yield (), part
        i = end


def _names(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[\w-]+", text.lower()))


# ------------------------------------------------------------------ within a line


def _inline(lines: Sequence[str], labels: Labels, says: Mapping[str, str]) -> Iterator[str]:
    i = 0
    while i < len(lines):
        end = _past_fence(lines, i)
        if end > i + 1:
            yield from lines[i:end]
        elif not _LABEL_LINE.match(lines[i]):
            line = _TRAILING.sub("", lines[i])
            shown = _ROLE.sub(lambda m: _role(m, labels, says), line)
            yield line if shown == line else _GAP.sub("", shown)
        i = end


def _role(found: re.Match[str], labels: Labels, says: Mapping[str, str]) -> str:
    """What an inline role shows: its text, its formula, what it points to, or nothing."""
    name, value = (found[1] or found[3]).lower(), found[2] or found[4]
    target = _TARGET.match(value)
    if name in _CITED:
        return ""
    if name in _POINTS:
        text = target["text"] if target and "%s" not in target["text"] else ""
        return text or _pointed(target["label"] if target else value, labels, says)
    if name in ("math", "m"):
        return f"${value}$"
    if name in ("code", "py", "func", "class", "meth", "mod", "attr", "file", "kbd", "command"):
        return f"`{target['text'] if target else value.lstrip('~!')}`"
    return target["text"] if target else value


def _pointed(label: str, labels: Labels, says: Mapping[str, str]) -> str:
    if title := labels.get(label):
        return says["titled"].format(title=title)
    start = re.split(r"[_:.-]", label.lower(), maxsplit=1)[0]
    return says[next((kind for key, kind in _KINDS if start == key), "other")]
