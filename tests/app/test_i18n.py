"""Every text of the screens and every code of the engine is translated; nothing is left over."""

import ast
import string
import sys

import pytest

from pages.shared.i18n import catalogue
from tests.app.messages import (
    LOCALE,
    ROOT,
    Source,
    engine_codes,
    lacking,
    left_over,
    main,
    read,
    sources,
    update,
    write,
)

CATALOGUES = sorted(LOCALE.rglob("*.po"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_every_text_and_code_is_translated(path):
    missing = [f"{source.context} {source.one}".strip() for source in lacking(read(path))]
    assert not missing, "add to " + str(path) + ":\n" + "\n".join(missing)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_no_translation_is_left_over(path):
    assert left_over(read(path)) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_placeholders_survive_translation(path):
    for message in read(path):
        if not message.id or message.context:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in texts:
            assert placeholders(text) == placeholders(ids[-1]), ids[-1]


def test_a_catalogue_is_brought_up_to_date(tmp_path, capsys):
    """What lacks gets an empty entry, what no screen says goes, what was translated stays."""
    path = tmp_path / "de" / "LC_MESSAGES" / "coursewright.po"
    found = read(CATALOGUES[0])
    found.delete("Corpus")
    found.add("No screen says this", "x")
    write(path, found)
    update(path)
    done = read(path)
    assert [source.one for source in lacking(done)] == ["Corpus"]
    assert done.get("Corpus").string == ""
    assert done.get("No screen says this") is None
    assert done.get("Pages").string == found.get("Pages").string
    assert main(["--check", str(path)]) == 1
    assert capsys.readouterr().out.rstrip().endswith("coursewright.po: Corpus")


def test_a_new_catalogue_is_begun_with_its_plural_forms(tmp_path, capsys):
    path = tmp_path / "pl" / "LC_MESSAGES" / "coursewright.po"
    assert main([str(path)]) == 1
    begun = read(path)
    assert begun.num_plurals > 2 and len(begun) == len(sources())
    assert len(begun.get("{n} warning").string) == begun.num_plurals
    assert len(capsys.readouterr().out.splitlines()) == len(sources())


def test_what_is_not_translated_stays_english(tmp_path):
    path = tmp_path / "zh" / "LC_MESSAGES" / "coursewright.po"
    path.parent.mkdir(parents=True)
    path.write_text(
        'msgid ""\nmsgstr ""\n"Language: zh\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Pages"\nmsgstr ""\n\nmsgid "{n} item"\nmsgid_plural "{n} items"\nmsgstr[0] ""\n',
        encoding="utf-8",
    )
    found = catalogue(path)
    assert found.gettext("Pages") == "Pages"
    assert found.ngettext("{n} item", "{n} items", 2) == "{n} items"
    assert found.pgettext("kinds", "fact") == ""


def test_the_codes_of_the_engine_are_seen():
    """The extraction itself: one of each kind."""
    assert {"teacher.busy", "language.incomplete"} <= engine_codes()
    wanted = {
        Source("Corpus"),
        Source("{n} warning", "{n} warnings"),
        Source("distil", context="steps"),
        Source("The recipe asks for PEFT.", context="reasons"),
    }
    assert wanted <= sources()


def advised_codes():
    """Codes of errors that say what to do next."""
    for path in sorted((ROOT / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                code = given.get("code")
                if "next" in given and isinstance(code, ast.Constant):
                    yield code.value


def test_every_error_says_in_chinese_what_to_do_next():
    known = catalogue(LOCALE / "zh" / "LC_MESSAGES" / "coursewright.po")
    advice = ("请", "可以", "可", "无需", "改用", "先")

    def said(code):
        return known.pgettext("errors", code) or known.pgettext("warnings", code)

    assert [c for c in advised_codes() if not any(word in said(c) for word in advice)] == []


def test_no_script_lies_directly_in_pages():
    """A flat pages/ would be routed by Streamlit itself, past app.py."""
    assert not list((ROOT / "pages").glob("*.py"))


def test_pages_import_only_what_screens_may():
    allowed = {"streamlit", "pages", "engine", "pandas", "altair", "plotly", "psutil", "babel"}
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                top = name.split(".")[0]
                assert top in allowed or top in sys.stdlib_module_names, f"{path}: {name}"
