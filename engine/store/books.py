"""Rows of courses, books and passages."""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa

from engine.errors import BadInput, Missing
from engine.language import languages
from engine.schema import Course, Document, Passage
from engine.store import tables
from engine.store.rows import Rows


class BookRows(Rows):
    """Courses with their books and passages."""

    def courses(self) -> list[Course]:
        """All courses, oldest first."""
        rows = self._rows(sa.select(tables.courses.c.data).order_by(tables.courses.c.created))
        return [Course.model_validate(row.data) for row in rows]

    def course(self, course: str) -> Course:
        """The course with this id.

        Raises:
            Missing: there is none.
        """
        rows = self._rows(sa.select(tables.courses.c.data).where(tables.courses.c.id == course))
        if not rows:
            raise Missing(
                f"There is no course named “{course}”.",
                code="course.missing",
                next=f"Create it with: coursewright new COURSE --language {'|'.join(languages())}",
                course=course,
            )
        return Course.model_validate(rows[0].data)

    def add_course(self, course: Course) -> None:
        """Add a course.

        Raises:
            BadInput: the id is taken.
        """
        row = {"id": course.id, "created": time.time(), "data": course.model_dump(mode="json")}
        try:
            with self._write() as connection:
                connection.execute(tables.courses.insert(), [row])
        except sa.exc.IntegrityError as error:
            raise BadInput(
                f"A course named “{course.id}” exists already.",
                code="course.exists",
                next="Choose another name, or open the existing course.",
                course=course.id,
            ) from error

    def rename_course(self, course: str, title: str) -> Course:
        """Give a course another title; returns it as it is now.

        Raises:
            Missing: there is none.
        """
        renamed = self.course(course).model_copy(update={"title": title})
        t = tables.courses
        with self._write() as connection:
            data = renamed.model_dump(mode="json")
            connection.execute(t.update().where(t.c.id == course).values(data=data))
        return renamed

    def remove_course(self, course: str) -> None:
        """Remove the rows of a course (its folder is the caller's to remove)."""
        with self._write() as connection:
            connection.execute(tables.courses.delete().where(tables.courses.c.id == course))
            for table in tables.OF_A_COURSE:
                connection.execute(table.delete().where(table.c.course == course))
            connection.execute(tables.choices.delete().where(tables.choices.c.scope == course))

    # ------------------------------------------------------------------ books and passages

    def documents(self, course: str) -> list[Document]:
        """The books of a course, in the order of their upload."""
        return self._values(tables.documents, course, Document)

    def document_ids(self, course: str) -> list[str]:
        """Ids of the books, without reading them: the cheapest fingerprint of stage one."""
        query = sa.select(tables.documents.c.id).where(tables.documents.c.course == course)
        return [row.id for row in self._rows(query.order_by(tables.documents.c.position))]

    def readings(self, course: str) -> list[str]:
        """Ids of the books, each with the version of its reader: what derives from their text.

        A book that was read before there were versions has its id alone.
        """
        t = tables.documents
        query = sa.select(t.c.id, t.c.data["reader"].as_integer().label("reader"))
        rows = self._rows(query.where(t.c.course == course).order_by(t.c.position))
        return [f"{row.id}@{row.reader}" if row.reader else row.id for row in rows]

    def add_document(self, course: str, document: Document) -> None:
        """Add a book, or replace the same file's earlier reading in its place."""
        known = self.document_ids(course)
        position = known.index(document.id) if document.id in known else len(known)
        data = document.model_dump(mode="json")
        row = {"course": course, "id": document.id, "position": position, "data": data}
        self._upsert(tables.documents, [row])

    def remove_document(self, course: str, document: str) -> None:
        """Remove a book; its passages are the caller's to make again."""
        with self._write() as connection:
            where = (tables.documents.c.course == course, tables.documents.c.id == document)
            connection.execute(tables.documents.delete().where(*where))

    def passages(self, course: str) -> list[Passage]:
        """All passages, in reading order."""
        return self._values(tables.passages, course, Passage)

    def replace_passages(self, course: str, passages: Sequence[Passage]) -> None:
        """Set the passages of a course."""
        rows = [
            {"course": course, "id": p.id, "position": i, "data": p.model_dump(mode="json")}
            for i, p in enumerate(passages)
        ]
        with self._write() as connection:
            connection.execute(tables.passages.delete().where(tables.passages.c.course == course))
            if rows:
                connection.execute(tables.passages.insert(), rows)
