"""The text of a table that somebody made elsewhere: CSV or TSV of unknown encoding."""

from __future__ import annotations

from pathlib import Path

from engine.documents.encoding import decode
from engine.errors import BadDocument, BadInput


def read_table(path: Path) -> str:
    """The text of a CSV or TSV file of unknown encoding.

    Raises:
        BadInput: ``table.missing`` (no such file), ``table.binary`` (a spreadsheet, say).
        BadDocument: ``empty`` or ``encoding``.
    """
    if not path.is_file():
        raise BadInput(
            f"There is no file {path}.",
            code="table.missing",
            next="Check the name of the file.",
            file=str(path),
        )
    try:
        return decode(path.read_bytes(), path.name)
    except BadDocument as error:
        if error.code != "binary":
            raise
        raise BadInput(
            f"{path.name} is not a text file.",
            code="table.binary",
            next="Save the table as CSV (UTF-8) in your spreadsheet program, and give that file.",
            file=path.name,
        ) from error
