"""The one tree of errors.

    EngineError
      BadInput          what the user gave cannot be used; says what to do
        BadDocument     a file that cannot be read as a book
      Missing           something that has to exist first does not
      TeacherError      a language model did not do its part
        TeacherRefused    key, address or model name refused (do not retry)
        TeacherBusy       rate limit or overload (retry later)
        TeacherBroken     connection or server fault (retry)
        BadAnswer         an answer came, but not of the form asked for
      WorkFailed        a step failed for a reason of its own (memory, parity, child process)
      Cancelled         the user stopped the work; what was done is kept

Every error has a ``code`` (stable, for translation), the ``values`` that its sentence needs, and
``next``: one sentence that says what to do now. All are picklable.
"""

from __future__ import annotations

from typing import Any


class EngineError(Exception):
    """Base of all errors that a user may see.

    Args:
        message: What happened, as one English sentence.
        code: Stable name of this situation, such as ``pdf.encrypted``; screens translate it.
        next: What to do about it, as one English sentence.
        values: Numbers and names in the sentence, for translation.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str = "", next: str = "", **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.next = next
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.code, self.next, self.values))

    def as_dict(self) -> dict[str, Any]:
        """``{"code", "message", "next"}``, the shape of the command line's ``--json`` errors."""
        return {"code": self.code, "message": self.message, "next": self.next}


def _rebuild(
    kind: type[EngineError], message: str, code: str, next: str, values: dict[str, Any]
) -> EngineError:
    return kind(message, code=code, next=next, **values)


class BadInput(EngineError, ValueError):
    """What the user gave cannot be used as it is."""

    default_code = "input"


class BadDocument(BadInput):
    """A file cannot be read as a book."""

    default_code = "document"


class Missing(EngineError, LookupError):
    """Something that must exist first does not exist."""

    default_code = "missing"


class Forbidden(EngineError, PermissionError):
    """This person may not do this; nothing was changed."""


class TeacherError(EngineError):
    """A language model did not do its part."""

    default_code = "teacher"


class TeacherRefused(TeacherError):
    """The endpoint refuses this key, address or model; trying again cannot help."""

    default_code = "teacher.refused"


class TeacherBusy(TeacherError):
    """The endpoint is over its rate limit or overloaded."""

    default_code = "teacher.busy"


class TeacherBroken(TeacherError):
    """The connection or the server failed."""

    default_code = "teacher.broken"


class BadAnswer(TeacherError):
    """An answer came, but it is empty, cut off, refused or not of the form asked for."""

    default_code = "teacher.answer"


class WorkFailed(EngineError, RuntimeError):
    """A step failed for a reason of its own."""

    default_code = "work"


class Cancelled(EngineError):
    """The user stopped the work; what was done is kept."""

    default_code = "cancelled"
