"""Version 3: items, submissions, grades, and the log of who changed a grade and why."""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.migrations.ddl import run

_TABLES = (
    """CREATE TABLE IF NOT EXISTS items (
        course VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL, position INTEGER, data JSON,
        PRIMARY KEY (course, id))""",
    """CREATE TABLE IF NOT EXISTS submissions (
        course VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL, item VARCHAR(200),
        learner VARCHAR(64), at FLOAT, data JSON, PRIMARY KEY (course, id))""",
    "CREATE INDEX IF NOT EXISTS ix_submissions_learner ON submissions (learner)",
    """CREATE TABLE IF NOT EXISTS grades (
        course VARCHAR(200) NOT NULL, id VARCHAR(200) NOT NULL, item VARCHAR(200),
        learner VARCHAR(64), inputs VARCHAR(64), decided INTEGER, at FLOAT, data JSON,
        PRIMARY KEY (course, id))""",
    "CREATE INDEX IF NOT EXISTS ix_grades_learner ON grades (learner)",
    """CREATE TABLE IF NOT EXISTS grade_audit (
        number SERIAL NOT NULL, course VARCHAR(200), answer VARCHAR(200), learner VARCHAR(64),
        at FLOAT, reason TEXT, "old" JSON, "new" JSON, PRIMARY KEY (number))""",
    "CREATE INDEX IF NOT EXISTS ix_grade_audit_course ON grade_audit (course)",
)


def up(connection: sa.Connection) -> None:
    """Make the tables of grading."""
    run(connection, *_TABLES)
