"""An old database is upgraded with its rows, a new one equals ``tables.py``, and two never race."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import BadInput, WorkFailed
from engine.schema import Course
from engine.serve.keys import owner_of
from engine.store import MIGRATIONS, Store, tables
from engine.store.migrations import migrate
from engine.store.migrations.ddl import run

VERSION_4 = (Path(__file__).parent / "version_4.sql").read_text(encoding="utf-8")


@pytest.fixture
def engine(database_url):
    found = sa.create_engine(database_url)
    yield found
    found.dispose()


def make_version_4(engine, *, last=4):
    """A database as version 4 left it, with roles and keys in the places of that time."""
    with engine.begin() as connection:
        run(connection, *(s for s in VERSION_4.split("\n", 1)[1].split(";") if s.strip()))
    course = Course(id="c", title="Old", language="en").model_dump(mode="json")
    roles = {"eve@school.org": "instructor", "bo@school.org": "designer"}
    keys = [{"name": "z", "salt": "s", "hash": "h1"}, {"name": "a", "salt": "t", "hash": "h2"}]
    choices = [("c", "roles", roles), ("c", "api_keys", keys), ("gone", "roles", {}), ("c", "x", 1)]
    with engine.begin() as connection:
        connection.execute(tables.courses.insert().values(id="c", created=1.0, data=course))
        rows = [{"scope": s, "name": n, "data": d} for s, n, d in choices]
        connection.execute(tables.choices.insert(), rows)


def schema_of(engine):
    """Columns, keys and indexes by table, as the database tells them."""
    found = sa.inspect(engine)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"], bool(c.get("autoincrement"))) for c in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted((i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in found.get_indexes(name)),
        )
        for name in found.get_table_names()
        if name != "migrations"
    }  # fmt: skip


def declared(engine):
    """The schema of ``tables.py``, made in the same database after emptying it."""
    made = sa.MetaData()
    made.reflect(engine)
    made.drop_all(engine)
    tables.metadata.create_all(engine)
    return schema_of(engine)


def test_a_new_database_has_the_declared_schema(engine):
    migrate(engine)
    new = schema_of(engine)
    assert set(new) == set(tables.metadata.tables) - {"migrations"}
    assert new == declared(engine)


def test_a_database_of_version_4_is_upgraded_with_its_rows(engine, database_url):
    make_version_4(engine)
    store = Store(database_url)
    assert store.course("c").title == "Old"
    assert store.roles("c") == {"bo@school.org": "designer", "eve@school.org": "instructor"}
    assert [(k["name"], k["salt"], k["hash"]) for k in store.api_keys("c")] == [
        ("z", "s", "h1"),
        ("a", "t", "h2"),
    ]
    assert store.choice("c", "roles") is None and store.choice("c", "x") == 1
    store.close()
    Store(database_url).close()  # again: nothing is moved twice
    assert schema_of(engine) == declared(engine)


def test_a_key_made_in_version_4_still_opens(engine, database_url):
    from engine.serve.keys import _hash

    make_version_4(engine)
    key = {"name": "old", "salt": "abc", "hash": _hash("cw-secret", "abc")}
    where = (tables.choices.c.scope == "c", tables.choices.c.name == "api_keys")
    with engine.begin() as connection:
        connection.execute(tables.choices.update().where(*where).values(data=[key]))
    store = Store(database_url)
    assert owner_of(store, "c", "cw-secret") == "old"
    store.close()


@pytest.mark.parametrize("have", range(len(MIGRATIONS)))
def test_each_earlier_version_upgrades(engine, have):
    migrate(engine, MIGRATIONS[:have])
    migrate(engine)
    assert schema_of(engine) == declared(engine)


def test_a_migration_that_fails_leaves_the_old_version_whole(engine):
    make_version_4(engine)
    before = schema_of(engine)

    def broken(connection):
        run(connection, "CREATE TABLE half (a INTEGER)")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        migrate(engine, [*MIGRATIONS, broken])
    assert schema_of(engine) == before
    migrate(engine)
    assert schema_of(engine) == declared(engine)


def test_a_database_of_a_newer_version_is_refused_not_damaged(engine, database_url):
    migrate(engine, [*MIGRATIONS, lambda c: run(c, "ALTER TABLE pairs ADD COLUMN later TEXT")])
    with pytest.raises(WorkFailed, match="version") as told:
        Store(database_url)
    assert told.value.code == "store.newer"
    assert told.value.next


STARTER = """
import sys
from engine.store import Store
print("ready", flush=True)
for url in sys.stdin.readline().split():
    store = Store(url)
    assert store.courses() == []
    print("opened", flush=True)
"""


def test_six_processes_start_at_once_on_an_empty_database(database_url):
    """Twenty databases one after the other on SQLite, where the race is won by microseconds."""
    is_file = database_url.startswith("sqlite")
    urls = [f"{database_url}{n}" for n in range(20)] if is_file else [database_url]
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", STARTER]
    starts = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(6)
    ]
    for one in starts:
        assert one.stdout.readline() == "ready\n"
    for one in starts:
        one.stdin.write(" ".join(urls) + "\n")
        one.stdin.flush()
    ended = [one.communicate(timeout=60) for one in starts]
    told = [out.split() for out, _ in ended]
    assert told == [["opened"] * len(urls)] * 6, [err[-300:] for _, err in ended]
    for url in urls:
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            numbers = connection.execute(sa.text("SELECT number FROM migrations ORDER BY number"))
            assert [n for (n,) in numbers] == list(range(1, len(MIGRATIONS) + 1))
        engine.dispose()


def test_a_migration_waits_for_one_that_runs_elsewhere(engine, database_url):
    """The lock itself: without it the second one would do the same work beside the first."""
    import threading

    inside, runs = threading.Event(), []

    def slow(connection):
        runs.append("slow")
        inside.set()
        threading.Event().wait(0.5)
        run(connection, "CREATE TABLE slow (a INTEGER)")

    other = sa.create_engine(database_url)
    first = threading.Thread(target=migrate, args=(engine, [*MIGRATIONS, slow]))
    first.start()
    assert inside.wait(10)
    migrate(other, [*MIGRATIONS, slow])
    first.join()
    other.dispose()
    assert runs == ["slow"]


def test_no_migration_knows_todays_tables():
    folder = Path(sys.modules["engine.store.migrations"].__file__).parent
    for path in folder.glob("m*.py"):
        text = path.read_text(encoding="utf-8")
        assert "engine.store.tables" not in text and "import tables" not in text, path.name
        assert "create_all" not in text, path.name
    assert len(list(folder.glob("m*.py"))) == len(MIGRATIONS)


def test_a_database_that_cannot_be_opened_says_so_without_the_password(tmp_path):
    with pytest.raises(WorkFailed) as told:
        Store(f"sqlite:///{tmp_path}")  # a folder
    assert told.value.code == "store.unreachable"
    pytest.importorskip("psycopg")
    with pytest.raises(WorkFailed) as told:
        Store("postgresql+psycopg://me:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(told.value) + repr(told.value.values)
    with pytest.raises(BadInput) as missing:
        Store("postgresql+no_such_driver://127.0.0.1/none")
    assert missing.value.code == "store.driver"


def test_nobody_touches_a_new_sqlite_file_while_another_makes_it(tmp_path):
    """The race of six processes, made certain: the first holds the lock before the file exists."""
    import threading

    from filelock import FileLock

    path = tmp_path / "rows.db"
    opener = threading.Thread(target=lambda: Store(f"sqlite:///{path}").close())
    with FileLock(f"{path}.lock"):
        opener.start()
        opener.join(0.5)
        assert opener.is_alive() and not path.exists()
    opener.join(10)
    assert not opener.is_alive() and path.exists()
