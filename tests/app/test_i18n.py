"""Every text of the screens and every code of the engine has its Chinese; nothing is left over."""

import ast
import string
import tomllib
from pathlib import Path

import pytest

from engine.steps import STEPS

ROOT = Path(__file__).parents[2]
ZH = tomllib.loads((ROOT / "pages/shared/zh.toml").read_text(encoding="utf-8"))


def calls(folder: str, name: str):
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
                yield path, node


def screen_texts() -> set[str]:
    found = set()
    for path, node in calls("pages", "_"):
        assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno} is not a literal"
        found.add(node.args[0].value)
    return found


def engine_codes() -> set[str]:
    found = set()
    for path in sorted((ROOT / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.keyword) and node.arg == "code"
            if named and isinstance(node.value, ast.Constant) and node.value.value:
                found.add(node.value.value)
    return found


def test_every_screen_text_is_translated():
    missing = screen_texts() - set(ZH["screens"])
    assert not missing, "\n".join(sorted(missing))


def test_no_translation_is_left_over():
    assert not set(ZH["screens"]) - screen_texts()


@pytest.mark.parametrize("text", sorted(ZH["screens"]))
def test_placeholders_survive_translation(text):
    def names(s: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(s) if name}

    assert names(text) == names(ZH["screens"][text])


def test_every_error_code_is_translated():
    known = set(ZH["errors"]) | set(ZH["warnings"])
    missing = engine_codes() - known
    assert not missing, "\n".join(sorted(missing))


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
    known = ZH["errors"] | ZH["warnings"]
    advice = ("请", "可以", "可", "无需", "改用", "先")
    assert [c for c in advised_codes() if not any(word in known[c] for word in advice)] == []


def test_no_script_lies_directly_in_pages():
    """A flat pages/ would be routed by Streamlit itself, past app.py."""
    assert not list((ROOT / "pages").glob("*.py"))


def test_pages_import_only_what_screens_may():
    allowed = {"streamlit", "pages", "engine", "pandas", "altair", "plotly", "psutil"}
    import sys

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


def test_every_step_has_a_name_in_chinese():
    assert set(ZH["steps"]) == {step.name for step in STEPS}


def test_every_reason_for_a_backend_is_translated():
    tree = ast.parse((ROOT / "engine/train/backends.py").read_text(encoding="utf-8"))
    said = {
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Choice"
    }
    assert said == set(ZH["reasons"])
