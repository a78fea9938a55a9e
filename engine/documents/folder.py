"""A folder of Markdown files (mkdocs, mdBook, plain) or an OpenStax collection: one book."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.documents.directives import Labels, labels_of
from engine.documents.encoding import decode
from engine.documents.guard import check_file
from engine.documents.markdown import read_markdown
from engine.documents.markup import plain_text, read_cnxml, soup_of
from engine.documents.tree import Draft, Piece, bytes_id, heading
from engine.errors import BadDocument
from engine.language import any_pattern
from engine.progress import Report, silent
from engine.schema import Progress, Warn
from engine.settings import Settings

MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_KEPT = (*MARKDOWN, ".cnxml", ".xml", ".yml", ".yaml")
_INDEX = re.compile(r"^(index|readme|_index)$", re.IGNORECASE)
_RANKS = ((1, "front"), (2, "opening"), (4, "closing"), (5, "back"))
"""Place in a book of files whose names begin so (``headings.toml``); chapters have 3."""
_LINK = re.compile(r"^(\s*)(?:[-*+]|\d+\.)?\s*\[([^\]]*)\]\(<?([^)>#\s]+)")
_NUMERALS = {c: i for i, c in enumerate("零一二三四五六七八九")}


Crumbs = tuple[tuple[str, str], ...]
"""The titles above a file, outermost first, each with the place that tells it from a namesake."""


@dataclass(frozen=True)
class Leaf:
    """One file of the book below its crumbs; an index speaks for its folder."""

    path: Path
    crumbs: Crumbs = ()
    title: str = ""
    index: bool = False


def hidden(path: Path) -> bool:
    """Whether a name belongs to the system or to a version control, not to a book."""
    return path.name.startswith((".", "__MACOSX", "~$")) or path.name in ("node_modules",)


def natural(path: Path) -> tuple[Any, ...]:
    """Order of files and folders as a reader expects it: index first, 2 before 10, summary last."""
    stem = path.stem.lower()
    name = re.sub(r"^(chapter|chap|ch)[ _-]*(?=[a-z])", "", stem)
    rank = 0 if _INDEX.match(stem) else _rank(name)
    text = re.sub(r"[零一二三四五六七八九十百]+", lambda m: str(_number(m[0])), stem)
    parts = re.split(r"(\d+)", text)
    return rank, tuple((int(x), "") if x.isdigit() else (-1, x) for x in parts), path.name


def _rank(name: str) -> int:
    """Where a file of this name stands in its book, from 1; 3 for a chapter."""
    starts = ((rank, any_pattern("headings", "files", key, form="^({})")) for rank, key in _RANKS)
    return next((rank for rank, start in starts if start.match(name)), 3)


def _number(numeral: str) -> int:
    """A Chinese numeral below a thousand."""
    total, digit = 0, 0
    for character in numeral:
        if character in "十百":
            total += (digit or 1) * (10 if character == "十" else 100)
            digit = 0
        else:
            digit = _NUMERALS[character]
    return total + digit


def is_book(folder: Path) -> bool:
    """Whether a folder as a whole is one book of Markdown files or an OpenStax collection."""
    children = [x for x in folder.iterdir() if not hidden(x)]
    files = [x for x in children if x.is_file()]
    pages = [x for x in files if x.suffix.lower() in MARKDOWN]
    if any(x.name in ("mkdocs.yml", "mkdocs.yaml", "SUMMARY.md") for x in files):
        return any(_markdown_under(folder))
    if any(x.name.endswith("collection.xml") for x in _walk(folder)):
        return True
    others = [x for x in files if x.suffix.lower() in (".pdf", ".docx", ".pptx", ".epub", ".zip")]
    if others:
        return False
    if len(pages) >= 2 or (pages and any(next(_markdown_under(x), None) for x in _folders(folder))):
        return True
    chapters = [x for x in _folders(folder) if any(y.suffix in MARKDOWN for y in x.iterdir())]
    starts = any_pattern("headings", "files", "chapter", form=r"^({}|\d)")
    named = sum(bool(starts.match(x.name)) for x in chapters)
    return len(chapters) >= 2 and named > 0.5 * len(chapters)


def _folders(folder: Path) -> list[Path]:
    found = [x for x in folder.iterdir() if x.is_dir() and not x.is_symlink() and not hidden(x)]
    return sorted(found, key=natural)


def _walk(folder: Path) -> Iterator[Path]:
    """All plain files below, links left out, in a stable order."""
    for root, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(x for x in folders if not hidden(Path(x)))
        for name in sorted(files):
            path = Path(root) / name
            if not hidden(path) and not path.is_symlink():
                yield path


def _markdown_under(folder: Path) -> Iterator[Path]:
    return (x for x in _walk(folder) if x.suffix.lower() in MARKDOWN)


def read_folder(folder: Path, settings: Settings, report: Report = silent) -> tuple[Draft, str]:
    """The pieces of a folder that ``is_book``, and the content hash of its files.

    Raises:
        BadDocument: ``empty`` (no page with text), ``too_large``.
    """
    title, leaves = _plan(folder)
    draft = Draft(title=title)
    seen: Crumbs = ()
    hashes: list[bytes] = []
    labels = _labels(leaves, settings)
    total = 0
    for number, leaf in enumerate(leaves):
        report(Progress(stage="files", done=number, total=len(leaves), message=leaf.path.name))
        total += leaf.path.stat().st_size
        if total > settings.max_unpacked:
            raise BadDocument(
                f"{folder.name} holds more text than may be read at once.",
                code="too_large",
                next="Split the folder, or raise the setting max_unpacked.",
                filename=folder.name,
            )
        hashes.append(_digest(folder, leaf.path))
        seen = _add(leaf, draft, seen, settings, labels)
    draft.warnings = _merged(draft.warnings)
    return draft, bytes_id(sorted(hashes))


def _digest(folder: Path, path: Path) -> bytes:
    name = path.relative_to(folder).as_posix().encode()
    return name + b"\0" + bytes_id([path.read_bytes()]).encode()


def packed(folder: Path) -> bytes:
    """The texts of a book's folder as a zip that reads as the same book: without its pictures."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _walk(folder):
            if path.suffix.lower() in _KEPT:
                archive.write(path, Path(folder.name) / path.relative_to(folder))
    return buffer.getvalue()


def _labels(leaves: Sequence[Leaf], settings: Settings) -> dict[str, str]:
    """What labels point to, from all files: a chapter refers to the figures of another."""
    found: dict[str, str] = {}
    for leaf in leaves:
        if leaf.path.suffix.lower() in MARKDOWN and leaf.path.stat().st_size < settings.max_upload:
            found |= labels_of(leaf.path.read_text(encoding="utf-8", errors="replace"))
    return found


def _add(leaf: Leaf, draft: Draft, seen: Crumbs, settings: Settings, labels: Labels) -> Crumbs:
    """Appends one file below its parents' headings; returns the parents that are now open."""
    try:
        check_file(leaf.path, settings)
        page = _page(leaf.path, labels)
    except BadDocument as error:
        draft.warnings.append(Warn(code="file.skipped", message=error.message))
        return seen
    draft.warnings += page.warnings
    depth = len(leaf.crumbs)
    for level in range(depth):
        if leaf.crumbs[: level + 1] != seen[: level + 1]:
            draft.pieces.append(heading(leaf.crumbs[level][0], level + 1))
    if leaf.index and depth:
        pieces, own = _without_title(page.pieces), depth
        top = min((p.level for p in pieces if p.level), default=1)
        shift = own + 1 - top
    else:
        pieces = _with_title(page, leaf)
        shift = depth + 1 - min((p.level for p in pieces if p.level), default=1)
    for piece in pieces:
        if piece.level:
            piece.level += shift
    draft.pieces += pieces
    return leaf.crumbs


def _page(path: Path, labels: Labels | None = None) -> Draft:
    text = decode(path.read_bytes(), path.name)
    return read_cnxml(text) if path.suffix == ".cnxml" else read_markdown(text, labels)


def _without_title(pieces: list[Piece]) -> list[Piece]:
    first = next((i for i, p in enumerate(pieces) if p.level), None)
    return pieces if first is None else pieces[:first] + pieces[first + 1 :]


def _with_title(page: Draft, leaf: Leaf) -> list[Piece]:
    """The page's pieces under one top heading: its own, the navigation's, or the file's name."""
    pieces = page.pieces
    first = pieces[0].level if pieces else 0
    rest = [p.level for p in pieces[1:] if p.level]
    if first and all(level > first for level in rest):
        return pieces
    if first == 1 and not page.title:
        return pieces
    title = page.title or leaf.title or pretty(leaf.path.stem)
    if title and not (first and pieces[0].text == title):
        for piece in pieces:
            piece.level += piece.level > 0
        return [heading(title, 1), *pieces]
    return pieces


def pretty(stem: str) -> str:
    """A title from a file's name: «02_linked-lists» gives «Linked lists»."""
    name = re.sub(r"^(chapter|chap|ch)?[ _-]*\d*[ ._-]*(?=\D)", "", stem, flags=re.IGNORECASE)
    name = re.sub(r"[_-]+", " ", name or stem).strip()
    return name[:1].upper() + name[1:]


def _merged(warnings: Sequence[Warn]) -> list[Warn]:
    """One warning for each code; the counts of listings that are only named are added up."""
    found: list[Warn] = [w for w in warnings if w.code != "markdown.snippets"]
    named = [int(w.message.split()[0]) for w in warnings if w.code == "markdown.snippets"]
    if named:
        message = f"{sum(named)} listings are only named in the text, not contained in it."
        found.append(Warn(code="markdown.snippets", message=message))
    return found


def _plan(folder: Path) -> tuple[str, list[Leaf]]:
    """Title and files in reading order: from a collection, mkdocs.yml, SUMMARY.md, or the tree."""
    for path in _walk(folder):
        if path.name.endswith("collection.xml"):
            return _collection(path, folder)
    for name in ("mkdocs.yml", "mkdocs.yaml"):
        if (folder / name).is_file():
            title, root, leaves = _mkdocs(folder / name)
            return title, leaves or list(_tree(root, root, ()))
    summary = folder / "SUMMARY.md"
    if summary.is_file() and (leaves := _summary(summary)):
        return "", leaves
    return _root_title(folder), list(_tree(folder, folder, ()))


def _root_title(folder: Path) -> str:
    index = next((x for x in sorted(folder.iterdir()) if _is_index(x)), None)
    if index:
        draft = _page(index)
        return draft.title or next((p.text for p in draft.pieces if p.level), "")
    return pretty(folder.name)


def _is_index(path: Path) -> bool:
    return path.suffix.lower() in MARKDOWN and bool(_INDEX.match(path.stem)) and path.is_file()


def _tree(folder: Path, root: Path, crumbs: Crumbs) -> Iterator[Leaf]:
    children = [x for x in folder.iterdir() if not hidden(x) and not x.is_symlink()]
    for path in sorted(children, key=natural):
        if path.is_dir():
            if any(_markdown_under(path)):
                index = next((x for x in sorted(path.iterdir()) if _is_index(x)), None)
                yield from _tree(path, root, (*crumbs, (_folder_title(path, index), path.name)))
        elif path.suffix.lower() in MARKDOWN:
            yield Leaf(path, crumbs, index=_is_index(path) and folder != root)


def _folder_title(folder: Path, index: Path | None) -> str:
    if index and index.stat().st_size:
        draft = _page(index)
        title = next((p.text for p in draft.pieces if p.level), "") or draft.title
        if title:
            return title
    return pretty(folder.name)


def _mkdocs(path: Path) -> tuple[str, Path, list[Leaf]]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Plain YAML; mkdocs' own tags (such as !ENV) are ignored instead of run."""

    Loader.add_multi_constructor("", lambda loader, suffix, node: None)
    try:
        config = yaml.load(path.read_bytes(), Loader=Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise BadDocument(
            f"{path.name} is not valid YAML: {error}",
            code="mkdocs",
            next="Correct the file, or remove it to read the pages in the order of their names.",
        ) from error
    config = config if isinstance(config, dict) else {}
    root = (path.parent / str(config.get("docs_dir") or "docs")).resolve()
    if not root.is_relative_to(path.parent.resolve()) or not root.is_dir():
        root = path.parent.resolve()
    return str(config.get("site_name") or ""), root, list(_nav(config.get("nav"), root, ()))


def _nav(node: Any, root: Path, crumbs: Crumbs, title: str = "") -> Iterator[Leaf]:
    if isinstance(node, list):
        for child in node:
            yield from _nav(child, root, crumbs)
    elif isinstance(node, dict):
        for label, child in node.items():
            inner = (*crumbs, (str(label), str(id(child)))) if isinstance(child, list) else crumbs
            yield from _nav(child, root, inner, str(label))
    elif isinstance(node, str) and not re.match(r"^\w+://", node):
        path = (root / node).resolve()
        if path.is_relative_to(root) and path.is_file() and path.suffix.lower() in MARKDOWN:
            yield Leaf(path, crumbs, title, index=bool(crumbs) and _is_index(path))


def _summary(path: Path) -> list[Leaf]:
    """The pages that an mdBook or GitBook summary links, nested as its list is."""
    leaves: list[Leaf] = []
    trail: list[tuple[int, str, str]] = []
    base = (
        path.parent if not (path.parent / "src" / "SUMMARY.md").is_file() else path.parent / "src"
    )
    for line in decode(path.read_bytes(), path.name).split("\n"):
        found = _LINK.match(line)
        target = (base / found[3]).resolve() if found else None
        if not found or not target or not target.is_relative_to(base.resolve()):
            continue
        depth = len(found[1].expandtabs(4))
        while trail and trail[-1][0] >= depth:
            trail.pop()
        crumbs = tuple((title, place) for _, title, place in trail)
        if target.is_file():
            leaves.append(Leaf(target, crumbs, found[2]))
        trail.append((depth, found[2], found[3]))
    places = {leaf.crumbs[-1][1]: leaf.crumbs for leaf in leaves if leaf.crumbs}
    own = [places.get(leaf.path.relative_to(base.resolve()).as_posix()) for leaf in leaves]
    return [
        replace(leaf, crumbs=crumbs, index=True) if crumbs else leaf
        for leaf, crumbs in zip(leaves, own, strict=True)
    ]


def _collection(path: Path, folder: Path) -> tuple[str, list[Leaf]]:
    """The modules of an OpenStax collection, under the titles of its chapters."""
    text = decode(path.read_bytes(), path.name)
    if "<!ENTITY" in text:
        raise BadDocument("The collection declares entities.", code="cnxml.corrupt")
    soup = soup_of(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), "xml")
    modules = {x.parent.name: x for x in _walk(folder) if x.suffix == ".cnxml"}
    leaves = []
    for module in soup.find_all(lambda x: x.name.rsplit(":", 1)[-1] == "module"):
        crumbs: list[tuple[str, str]] = []
        for parent in module.parents:
            if parent.name.rsplit(":", 1)[-1] == "subcollection":
                title = plain_text(parent.find(_named_title))
                crumbs.insert(0, (title, str(id(parent))))
        file = modules.get(str(module.get("document")))
        if file:
            leaves.append(Leaf(file, tuple(crumbs)))
    named = soup.find(_named_title)
    return plain_text(named) if named else "", leaves


def _named_title(node: Any) -> bool:
    return str(node.name).rsplit(":", 1)[-1] == "title"
