"""Arithmetic that a model wrote, computed in code: numbers and operators, nothing else."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable

_TWO: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "^": "**", "（": "(", "）": ")"})
_LONGEST, _GREATEST = 200, 1e15
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])-?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")


def value_of(expression: str) -> float | None:
    """The value of an expression of numbers, ``+ - * / // % **`` and brackets; None if it is none.

    Nothing is run: the text is parsed, and every node but these is refused, as are values beyond
    1e15 and powers that could reach there.
    """
    text = expression.translate(_SIGNS).strip()
    if not text or len(text) > _LONGEST:
        return None
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError):
        return None


def _value(node: ast.expr) -> float:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not (isinstance(node.value, bool))
    ):
        return _bounded(float(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _value(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise ValueError("a power too high")
        return _bounded(_TWO[type(node.op)](left, right))
    raise ValueError("no arithmetic")


def _bounded(value: float) -> float:
    if isinstance(value, complex) or not math.isfinite(value) or abs(value) > _GREATEST:
        raise ValueError("out of bounds")
    return value


def holds_number(text: str, value: float) -> bool:
    """Whether a number of the text is the value, to the decimals that the text gives."""
    return any(_same(found, value) for found in _NUMBER.findall(text.replace("−", "-")))


def _same(written: str, value: float) -> bool:
    plain = written.replace(",", "")
    try:
        found = float(plain)
    except ValueError:
        return False
    decimals = len(plain.partition(".")[2]) if "e" not in plain.lower() else 0
    if "." in plain and decimals:
        return abs(found - value) <= 0.5 * 10.0**-decimals + 1e-12
    return math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-9)
