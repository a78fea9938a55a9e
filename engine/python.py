"""Starting this same program as another process: the same interpreter, the same engine.

Python puts the working folder first where it looks for modules, so that a file ``engine.py`` lying
there would run in the place of this package. ``-P`` forbids that, here and in all grandchildren.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

import engine


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this program, whatever lies in the working folder."""
    return [sys.executable, "-P", "-m", module, *arguments]


def engine_command(home: Path | str, *arguments: str) -> list[str]:
    """The command ``coursewright --home HOME ...`` of this same engine."""
    return module_command("engine", "--home", str(home), *arguments)


def child_environment(**more: str) -> dict[str, str]:
    """This process's environment for a child, which finds the same engine that runs here."""
    root = str(Path(engine.__file__).resolve().parents[1])
    given = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    installed = [*site.getsitepackages(), site.getusersitepackages()]
    own = [] if root in installed else [root]  # a checkout, which nothing else would find
    paths = [*own, *(str(Path(p).resolve()) for p in given if p not in own)]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",
        **more,
    }
