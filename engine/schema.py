"""The nouns of the glossary, as frozen values that go to JSON and back.

A value never changes; ``value.model_copy(update=...)`` makes another. Identifiers of what was
*made* (passages, pairs) are hashes of what made them, so that doing the same work twice is seen.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from engine.language import known_language

Language = Annotated[str, AfterValidator(known_language)]
"""A code that ``engine.language`` has a folder for."""
BlockKind = Literal["prose", "list", "code", "table", "heading"]
BlockRole = Literal[
    "prose", "definition", "example", "code", "output", "formula", "table", "caption", "credit",
    "epigraph", "objective", "exercise", "solution", "summary", "warning", "reference",
]  # fmt: skip
"""What a block is for, where ``BlockKind`` says how it looks: ``definition`` is an entry of a
glossary or a key-term box, ``warning`` names a common error."""
ASIDE: frozenset[BlockRole] = frozenset(
    ("caption", "credit", "epigraph", "objective", "exercise", "solution", "reference")
)
"""Roles that are never searched, quoted or taught as answers; exercises feed the exam."""
PairKind = Literal[
    "definition", "enumeration", "cause", "comparison", "procedure", "summary", "fact", "exercise",
    "misconception", "numeric", "dialogue", "unanswerable",
]  # fmt: skip
"""What a pair asks for. ``misconception`` names a wrong belief and corrects it, ``numeric`` is
computed, ``dialogue`` follows on earlier turns, ``unanswerable`` is near the topic but not in the
book: its answer says so."""
Level = Literal["remember", "understand", "apply", "analyse", "evaluate"]
"""Bloom's levels (Anderson & Krathwohl, 2001), without *create*, which has no one answer."""
PairStatus = Literal["proposed", "accepted", "rejected"]
Split = Literal["train", "validation", "exam"]
_FORMERLY = {"recall": "reworded"}
"""Names of old, that stored rows and results still carry."""


def renamed(found: Any) -> Any:
    """A stored name, or a mapping with stored names as keys, by today's names."""
    if isinstance(found, str):
        return _FORMERLY.get(found, found)
    return {renamed(k): v for k, v in found.items()} if isinstance(found, dict) else found


ExamPart = Annotated[
    Literal["reworded", "natural", "transfer", "uploaded"], BeforeValidator(renamed)
]
"""A part of the exam: ``reworded`` asks taught facts in another wording of ours (memory alone),
``natural`` as people outside ask (the book's own exercises), ``transfer`` about whole sections that
were kept out, ``uploaded`` what the designer brought. Never mixed in one figure."""
PartName = Annotated[str, BeforeValidator(renamed)]
"""A part of the exam in a result; rows from before it was renamed load, too."""
EXAM_PARTS: tuple[ExamPart, ...] = ("natural", "transfer", "reworded", "uploaded")
"""In the order in which they are shown: what says most first."""


def content_id(*parts: Any) -> str:
    """A 16-hex-digit name of the parts' JSON: equal parts, equal name, on every machine."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class Value(BaseModel):
    """Base of all nouns: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Warn(Value):
    """Something about a document that its owner should know; never a silent loss.

    ``values`` are the numbers and names in the message, for translation.
    """

    code: str
    message: str
    page: int | None = None
    values: dict[str, Any] = Field(default_factory=dict)


class Block(Value):
    """One paragraph, list, listing or table of a section, with the page on which it starts.

    ``page`` counts from 1; 0 where the format has no pages. ``group`` names, within its section,
    the exercise to which a question and its solution belong. ``unread`` says that the text is
    damaged beyond use (lost glyphs, a formula as a row of characters): shown, never taught.
    ``language`` is empty but in a bilingual book, for blocks in another one than their section.
    """

    text: str
    page: int = 0
    kind: BlockKind = "prose"
    role: BlockRole = "prose"
    group: str = ""
    unread: bool = False
    language: str = ""

    @property
    def aside(self) -> bool:
        """Whether the block is no course matter: a caption, an exercise, unreadable text ..."""
        return self.unread or self.role in ASIDE


class Section(Value):
    """A node of a book's own table of contents, in reading order.

    ``blocks`` holds only what stands under this heading and not under a child's heading.
    ``level`` counts from 1; ``page_end`` is inclusive; pages are 0 where the format has none.
    ``language`` is the book's, however much code or English stands in it; only in a bilingual
    book most of the section's own text decides. (Empty where an older reader read the book.)
    """

    id: str
    title: str
    level: int = 1
    parent: str | None = None
    page_start: int = 0
    page_end: int = 0
    blocks: tuple[Block, ...] = ()
    language: str = ""

    @property
    def text(self) -> str:
        """The section's own clean text, blocks separated by blank lines."""
        return "\n\n".join(block.text for block in self.blocks)

    @property
    def matter(self) -> tuple[Block, ...]:
        """The section's own blocks of course matter: all but those that stand aside."""
        return tuple(block for block in self.blocks if not block.aside)


class Exercise(Value):
    """A task that the book itself sets, with its answer where the book gives one (else empty).

    ``options`` are the choices of a multiple-choice question, without their letters; they stand
    in ``question`` too. ``label`` is the book's own number of it («3.1»), if it has one.
    """

    id: str
    question: str
    answer: str = ""
    options: tuple[str, ...] = ()
    label: str = ""
    document: str = ""
    section: str
    title: str = ""
    page: int = 0


class Document(Value):
    """One book: its section tree (flat, in reading order) and the warnings met on the way.

    ``id`` is a hash of the file's bytes; ``pages`` is 0 where the format has none. ``reader`` is
    the version of the reader that read it (``documents.READER``; 0: before there were any).
    """

    id: str
    title: str
    filename: str
    language: Language
    pages: int = 0
    sections: tuple[Section, ...] = ()
    warnings: tuple[Warn, ...] = ()
    reader: int = 0


class Passage(Value):
    """A chunk of text inside one section; ``tokens`` are estimated tokens of the student.

    ``blocks`` are the blocks, or pieces of long blocks, of which ``text`` is made, in order;
    ``path`` is ``title`` with the headings above it, the book's own left out; ``language`` is its
    section's (empty where an older reader read the book).
    """

    id: str
    document: str
    section: str
    title: str
    text: str
    blocks: tuple[Block, ...] = ()
    path: str = ""
    page_start: int = 0
    page_end: int = 0
    tokens: int = 0
    language: str = ""


class Exchange(Value):
    """What a learner asked before, and what was answered."""

    question: str
    answer: str


class Evidence(Value):
    """Where an answer stands in the book: a verbatim quote, its section and page."""

    quote: str
    section: str
    title: str = ""
    page: int = 0


class Pair(Value):
    """One question with its answer, evidence, kind and scores.

    ``point`` names the knowledge point; all wordings of one question share it. ``split`` and
    ``part`` say where the pair may be used; they are fixed before generation (see ``course``).
    ``level`` is the level that a model was asked for, empty where nobody said one (the offline
    teacher's pairs, exercises).
    ``turns`` is the talk before the question (of a ``dialogue``); ``scores`` are a judge's, by
    dimension; ``statements`` say the same fact without a question, all of them true.
    ``rejected_by`` is ``person``, or the name of the gate that rejected the pair
    (``corpus.guard``, ``distil``), and empty where ``status`` is another; ``reviewed`` says that a
    person accepted, edited or rejected it.
    """

    id: str
    question: str
    answer: str
    kind: PairKind
    language: Language
    point: str
    level: Level | Literal[""] = ""
    evidence: tuple[Evidence, ...] = ()
    split: Split = "train"
    part: ExamPart | None = None
    status: PairStatus = "proposed"
    rejected_by: str = ""
    reviewed: bool = False
    edited: bool = False
    teacher: str = "extractive"
    scores: dict[str, float] = Field(default_factory=dict)
    statements: tuple[str, ...] = ()
    turns: tuple[Exchange, ...] = ()

    @property
    def section(self) -> str:
        """The section of the first piece of evidence, or an empty string."""
        return self.evidence[0].section if self.evidence else ""


class Course(Value):
    """A course: the unit that a designer owns."""

    id: str
    title: str
    language: Language
    sample: bool = False


class Message(Value):
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class Figure(Value):
    """A measured value with its sample size and 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


class Progress(Value):
    """What a running verb reports: how far it is and what it does right now.

    ``done`` and ``total`` count the unit that ``stage`` names (pages, pairs, steps, bytes);
    ``total`` 0 means not yet known. ``metrics`` are numbers worth plotting (loss, tokens/s, spend).
    """

    stage: str
    done: float = 0
    total: float = 0
    message: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
