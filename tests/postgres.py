"""A PostgreSQL server of the tests' own: started in a temporary folder, thrown away afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

_PLACES = ("/usr/lib/postgresql", "/usr/pgsql-*", "/opt/homebrew/opt", "/usr/local/opt")
_numbers = itertools.count()


def binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``, if there is a server on this machine."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    places = [p for place in _PLACES for p in Path("/").glob(f"{place[1:]}/**/bin/initdb")]
    return max(places).parent if places else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A running server that trusts everybody on loopback; the URL of its first database."""
    data, port = Path(tempfile.mkdtemp(prefix="coursewright-pg-")), _free_port()
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if _is_root() else {}
    if user:  # initdb refuses root
        shutil.chown(data, "postgres", "postgres")
    log = data.with_suffix(".log").open("wb")
    start = [folder / "initdb", "-D", data / "db", "-U", "postgres", "-A", "trust", "-N"]
    start += ["-E", "UTF8", "--locale=C"]
    subprocess.run(start, check=True, stdout=log, stderr=log, cwd="/", **user)
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(data),
        "fsync": "off",
    }
    command = [folder / "postgres", "-D", data / "db", "-p", str(port)]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **user)
    try:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        _wait_for(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown
        process.wait(30)
        log.close()
        shutil.rmtree(data)
        data.with_suffix(".log").unlink()


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """An empty database on the server; its URL."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield str(sa.make_url(server_url).set(database=name).render_as_string(hide_password=False))
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(url)
    end = time.monotonic() + 30
    while True:
        try:
            engine.connect().close()
            engine.dispose()
            return
        except sa.exc.OperationalError:
            assert process.poll() is None and time.monotonic() < end, "PostgreSQL did not start"
            time.sleep(0.1)
