"""The map of the engine is true: every room once, in the order in which imports point."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "engine"
MAP = (ENGINE / "README.md").read_text(encoding="utf-8")


def floors() -> list[list[str]]:
    """Names on the map, floor by floor from the ground up."""
    found: list[list[str]] = [[]]
    for line in MAP.splitlines():
        if line == "    ------":
            found.append([])
        elif match := re.match(r"    ([\w/]+?)(?:\.py|/) +\S", line):
            found[-1].append(match[1])
    return found


def layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [own] = [c for c in contracts["contracts"] if c["type"] == "layers"]
    return [re.findall(r"\w+", layer) for layer in reversed(own["layers"])]


def test_the_map_names_every_module_and_package_once():
    names = [name for floor in floors() for name in floor]
    there = [
        path.stem
        for path in ENGINE.iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    ]
    assert sorted(names) == sorted(there)


def test_its_floors_are_the_layers_that_the_linter_proves():
    assert [sorted(floor) for floor in floors()] == [sorted(layer) for layer in layers()]


@pytest.mark.parametrize("path", sorted(ENGINE.glob("*/__init__.py")), ids=lambda p: p.parent.name)
def test_a_package_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_files_that_documents_name_exist():
    for document in (ENGINE / "README.md", ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        text = document.read_text(encoding="utf-8")
        for name in re.findall(r"`([\w/]+\.(?:py|toml|md|txt))`", text):
            places = (ROOT / name, ENGINE / name, ROOT / "engine" / "models" / name)
            assert any(p.exists() for p in places), f"{document.name} names {name}"


def test_class_names_are_unique():
    """One name, one thing: private ones aside."""
    seen: dict[str, Path] = {}
    for path in sorted(ENGINE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert node.name not in seen, f"{node.name}: {seen[node.name]} and {path}"
                seen[node.name] = path


def test_only_the_store_reads_results_as_rows():
    """Typed results: ``.data`` is a column, and columns are the store's."""
    for folder in (ENGINE, ROOT / "pages"):
        for path in sorted(folder.rglob("*.py")):
            if "store" not in path.parts and "llm" not in path.parts:
                text = path.read_text(encoding="utf-8")
                assert "tables.results" not in text and ".save_result(" not in text, path
