"""Files appear whole or not at all, whatever happens while they are written."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from engine import files
from engine.schema import Progress


def test_a_failed_writer_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(OSError, match="disk"), files.writing(path) as aside:
        aside.write_text("half of the n")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_failed_folder_never_appears(tmp_path):
    target = tmp_path / "checkpoint"
    with pytest.raises(RuntimeError), files.making(target, durable=True) as aside:
        (aside / "weights").write_bytes(b"w")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with files.making(target, durable=True) as aside:
        (aside / "weights").write_bytes(b"w")
        assert not target.exists()
    assert (target / "weights").read_bytes() == b"w"
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"whole": 1})
    code = (
        "import sys, time; from pathlib import Path; from engine.files import writing\n"
        "with writing(Path(sys.argv[1])) as aside:\n"
        "    aside.write_text('{\"wh'); print('half', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"half\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert files.read_json(path) == {"whole": 1}
    [left] = [p for p in tmp_path.iterdir() if p != path]
    files.write_json(tmp_path / "b.json", 1)
    assert left.exists(), "it could be somebody's who still writes"
    os.utime(left, (time.time() - 7200,) * 2)
    files.write_json(tmp_path / "b.json", 1)
    assert not left.exists()


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "a.json"
    rows = [[n] * 5000 for n in range(8)]
    threads = [threading.Thread(target=files.write_json, args=(path, row)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files.read_json(path) in rows


def test_secrets_are_their_owners_from_the_first_byte(tmp_path, monkeypatch):
    seen = []
    write = type(tmp_path).write_text

    def watched(self, *given, **named):
        seen.append(stat.S_IMODE(self.stat().st_mode))
        return write(self, *given, **named)

    monkeypatch.setattr(type(tmp_path), "write_text", watched)
    path = files.write_text(tmp_path / "secrets.toml", "key", mode=0o600)
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_durable_means_on_the_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, type(tmp_path).replace
    monkeypatch.setattr(os, "fsync", lambda handle: order.append("sync") or sync(handle))
    monkeypatch.setattr(
        type(tmp_path), "replace", lambda self, to: order.append("rename") or replace(self, to)
    )
    files.write_bytes(tmp_path / "a", b"x", durable=True)
    assert order[:2] == ["sync", "rename"]
    files.write_bytes(tmp_path / "b", b"x")
    assert order[-1] == "rename"


def test_json_takes_values_and_what_json_does_not_know(tmp_path):
    path = files.write_json(tmp_path / "a.json", Progress(stage="x", done=1, message="é"))
    assert json.loads(path.read_text(encoding="utf-8"))["message"] == "é"
    files.write_json(path, {"where": tmp_path})
    assert files.read_json(path) == {"where": str(tmp_path)}
    assert files.read_json(tmp_path / "none.json") is None


def test_nobody_else_writes_aside_and_renames():
    from pathlib import Path

    engine = Path(files.__file__).parent
    own = [p for p in engine.rglob("*.py") if p.name != "files.py"]
    by_hand = [p.name for p in own if '".part"' in p.read_text() or '.part"' in p.read_text()]
    assert by_hand == []
