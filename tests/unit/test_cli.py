"""The command contract: shapes of JSON, exit status, errors told on both streams."""

import json

import pytest

from engine.cli import main, parser
from tests.unit.llm_server import Said, serving

BOOK = """# Little book

## Tuples

A tuple is a sequence of values that cannot be changed. Tuples are useful as keys because they
cannot change. To make a tuple with one element, you write a comma after the element.

## Files

A file is a sequence of bytes that a program can read. If you open a missing file, Python raises an
exception. To close a file, you call its method close without arguments.

## Lists

A list is a sequence of values that can be changed. Lists are slow to search because every element
is looked at. An element is one of the values of a list.

## Loops

A loop is a statement that runs its body again. An iteration is one run of the body of a loop. Loops
can run forever because a condition may never become false.

## Functions

A function is a named sequence of statements. An argument is a value that is passed to a function.
A parameter is a variable inside a function that refers to an argument.

## Modules

A module is a file that contains a collection of related functions. Modules are imported once
because a second import would run their code again.
"""
SECTIONS = ["Little book", "Tuples", "Files", "Lists", "Loops", "Functions", "Modules"]


@pytest.fixture
def run(tmp_path, capsys):
    """``run("verb", ...)``: exit status and the parsed JSON of stdout."""
    (tmp_path / "book.md").write_text(BOOK, encoding="utf-8")

    def call(*words: str):
        status = main(["--home", str(tmp_path / "home"), "--json", "--quiet", *words])
        out = capsys.readouterr().out.strip()
        return status, json.loads(out) if out else None

    call.folder = tmp_path
    return call


def test_a_course_from_a_file_to_answers(run):
    book = str(run.folder / "book.md")
    assert run("new", "c", "--language", "en", "--title", "C")[0] == 0
    status, added = run("add", "c", book)
    assert status == 0
    assert len(added["added"]) == 1
    assert run("add", "c", book)[1]["repeated"] == ["Little book"]

    status, outline = run("outline", book)
    assert [s["title"] for s in outline["sections"]] == SECTIONS
    assert set(outline) == {"title", "language", "pages", "sections", "warnings"}
    assert {"id", "title", "level", "page_start", "page_end", "characters"} == set(
        outline["sections"][0]
    )

    status, text = run("text", book)
    assert "A tuple is a sequence" in next(t["text"] for t in text if t["section"] == "Tuples")

    status, hits = run("search", "c", "what is a tuple", "-k", "1")
    assert hits[0]["section"] == "Tuples"
    assert set(hits[0]) == {"section", "page", "text", "score"}

    status, made = run("distil", "c", "--pairs", "40")
    assert status == 0
    assert made["pairs"] > 10
    out = run.folder / "corpus.jsonl"
    assert (
        run("corpus", "c", "--format", "messages", "--out", str(out))[1]["pairs"] >= made["pairs"]
    )
    assert json.loads(out.read_text(encoding="utf-8").splitlines()[0])["messages"]

    status, answer = run("ask", "c", "What is a tuple?")
    assert set(answer) == {"answer", "sources", "refused"}
    assert "sequence of values" in answer["answer"]
    assert answer["sources"][0]["section"] == "Tuples"
    assert run("ask", "c", "Who was Napoleon?")[1]["refused"]
    assert run("estimate", "c", "distil")[1]["calls"] == 0


def test_failures_exit_with_1_and_say_what_to_do(run):
    status, told = run("distil", "nowhere")
    assert status == 1
    assert told["error"]["code"] == "course.missing"
    assert told["error"]["next"]
    empty = run.folder / "empty.pdf"
    empty.write_bytes(b"")
    status, told = run("outline", str(empty))
    assert status == 1
    assert told["error"]["code"] == "empty"
    run("new", "c", "--language", "zh")
    assert run("distil", "c")[1]["error"]["code"] == "distil.no_books"
    assert run("train", "c")[1]["error"]["code"] == "train.no_pairs"
    assert run("exam", "c")[1]["error"]["code"] == "exam.none"
    assert (
        run("export", "c", "--format", "lora", "--out", "x")[1]["error"]["code"]
        == "student.missing"
    )


def test_wrong_usage_exits_with_2():
    with pytest.raises(SystemExit) as caught:
        main(["distil"])
    assert caught.value.code == 2


def test_queue_hands_the_work_over_and_jobs_lists_it(run):
    run("new", "c", "--language", "en")
    run("add", "c", str(run.folder / "book.md"))
    status, queued = run("distil", "c", "--queue")
    assert status == 0
    [job] = run("jobs")[1]
    assert job["id"] == queued["job"]
    assert job["state"] == "queued"
    assert run("cancel", job["id"])[0] == 0
    assert run("jobs")[1][0]["state"] == "stopped"


def test_the_teacher_is_set_shown_and_probed_without_its_key(run, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret")
    words = ("--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--api-key-env", "MY_KEY")
    assert run("teacher", "set", *words)[0] == 0
    shown = run("teacher", "show")[1]
    assert shown["model"] == "m"
    assert "sk-secret" not in json.dumps(shown)
    status, report = run("teacher", "probe")
    assert "sk-secret" not in json.dumps(report)
    assert any(check["status"] == "failed" for check in report["checks"])


def test_every_verb_has_help():
    [verbs] = [
        a for a in parser()._actions if a.dest == "run" or hasattr(a, "choices") and a.choices
    ]
    helps = {c.dest: c.help for c in verbs._choices_actions}
    assert set(helps) == set(verbs.choices)
    assert all(helps.values())


def test_the_connected_teacher_sits_the_exam_too(run):
    run("new", "c", "--language", "en")
    run("add", "c", str(run.folder / "book.md"))
    run("distil", "c")
    assert run("exam", "c", "--model", "teacher")[1]["error"]["code"] == "exam.no_teacher"
    costs = run("estimate", "c", "exam")[1]
    assert costs["calls"] > 0
    assert costs["minutes"][0] < costs["minutes"][2]
    assert run("estimate", "c", "align")[1]["calls"] > 100
    with serving(lambda body, _: Said("A sequence of values.")) as (url, _):
        assert run("teacher", "set", "--base-url", url, "--model", "m")[0] == 0
        out = run.folder / "exam.json"
        status, said = run("exam", "c", "--model", "teacher", "--rag", "--out", str(out))
    assert status == 0
    assert {row["model"] for row in said["rows"]} == {"teacher", "lookup", "book"}
    assert {row["book"] for row in said["rows"]} == {True, False}
    assert json.loads(out.read_text(encoding="utf-8"))["answers"][0]["answer"].startswith("A seq")
