"""MathML to LaTeX: the presentation elements that textbooks use, all else as its own text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_WORDS = {
    "×": r"\times", "÷": r"\div", "±": r"\pm", "·": r"\cdot", "⋅": r"\cdot", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "∞": r"\infty", "∑": r"\sum", "∏": r"\prod",
    "∫": r"\int", "√": r"\surd", "→": r"\to", "⇒": r"\Rightarrow", "∈": r"\in", "∂": r"\partial",
    "Δ": r"\Delta", "π": r"\pi", "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta",
    "ε": r"\epsilon", "θ": r"\theta", "λ": r"\lambda", "μ": r"\mu", "σ": r"\sigma", "φ": r"\phi",
    "ω": r"\omega", "Ω": r"\Omega", "Σ": r"\Sigma", "ρ": r"\rho", "τ": r"\tau", "−": "-",
    "⇌": r"\rightleftharpoons", "∝": r"\propto", "∪": r"\cup", "∩": r"\cap", "⊂": r"\subset",
    "{": r"\{", "}": r"\}", "%": r"\%", "$": r"\$", "#": r"\#", "&": r"\&", "°": r"^\circ",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2009": r"\,", "\u200a": r"\,", "\xa0": "~",
}  # fmt: skip
_NAMED = "sin cos tan cot sec csc log ln exp lim max min det gcd"
_FUNCTIONS = frozenset(_NAMED.split())
_ACCENTS = {
    "¯": r"\bar", "‾": r"\overline", "_": r"\underline", "→": r"\vec", "^": r"\hat", "˙": r"\dot",
}  # fmt: skip
_DEEPEST = 60


def latex(node: Any, depth: int = 0) -> str:
    """The LaTeX of a MathML element (a BeautifulSoup tag); empty where it holds no text."""
    if depth > _DEEPEST:
        return ""
    name = (node.name or "").rsplit(":", 1)[-1].lower()
    if name in ("annotation", "annotation-xml"):
        return ""
    if name in _LEAVES:
        return _LEAVES[name](" ".join(node.get_text().split()))
    parts = [latex(child, depth + 1) for child in node.children if child.name]
    if name in _SHAPES and len(parts) >= _NEEDS.get(name, 1):
        return _SHAPES[name](parts)
    if name == "mfenced":
        return _fenced(node, parts)
    return _row(parts) if parts else _text(" ".join(node.get_text().split()))


def _row(parts: Sequence[str]) -> str:
    """Parts side by side; a blank keeps a command from the letter after it."""
    found = ""
    for part in filter(None, parts):
        command = found and found.rsplit("\\", 1)[-1].isalpha() and "\\" in found
        found += (" " if command and part[0].isalpha() else "") + part
    return found


def _symbols(text: str) -> str:
    return _row([_WORDS.get(character, character) for character in text])


def _identifier(text: str) -> str:
    if text in _FUNCTIONS:
        return f"\\{text}"
    return _symbols(text) if len(text) < 2 or text in _WORDS else rf"\mathrm{{{_symbols(text)}}}"


def _text(text: str) -> str:
    return rf"\text{{{text}}}" if text else ""


def _operator(text: str) -> str:
    return _identifier(text) if text.isalpha() and len(text) > 1 else _symbols(text)


def _group(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


def _fenced(node: Any, parts: Sequence[str]) -> str:
    opened, closed = str(node.get("open", "(")), str(node.get("close", ")"))
    mark = str(node.get("separators", ","))[:1]
    return _symbols(opened) + mark.join(parts) + _symbols(closed)


def _over(parts: Sequence[str]) -> str:
    accent = _ACCENTS.get({r"\to": "→"}.get(parts[1], parts[1]))
    return f"{accent}{{{parts[0]}}}" if accent else f"{parts[0]}^{_group(parts[1])}"


def _table(parts: Sequence[str]) -> str:
    return r"\begin{matrix}" + r" \\ ".join(parts) + r"\end{matrix}"


_LEAVES: dict[str, Callable[[str], str]] = {
    "mi": _identifier,
    "mn": _symbols,
    "mo": _operator,
    "mtext": _text,
    "ms": _text,
    "mspace": lambda text: r"\,",
}
_SHAPES: dict[str, Callable[[Sequence[str]], str]] = {
    "mfrac": lambda p: rf"\frac{{{p[0]}}}{{{p[1]}}}",
    "msqrt": lambda p: rf"\sqrt{{{_row(p)}}}",
    "mroot": lambda p: rf"\sqrt[{p[1]}]{{{p[0]}}}",
    "msup": lambda p: f"{_base(p[0])}^{_group(p[1])}",
    "msub": lambda p: f"{_base(p[0])}_{_group(p[1])}",
    "msubsup": lambda p: f"{_base(p[0])}_{_group(p[1])}^{_group(p[2])}",
    "munder": lambda p: f"{p[0]}_{_group(p[1])}",
    "mover": _over,
    "munderover": lambda p: f"{p[0]}_{_group(p[1])}^{_group(p[2])}",
    "mtable": _table,
    "mtr": lambda p: " & ".join(p),
    "semantics": lambda p: p[0],
    "math": lambda p: _row(p),
}
_NEEDS = {"mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "munder": 2, "mover": 2,
          "munderover": 3}  # fmt: skip


def _base(text: str) -> str:
    return text if len(text) < 2 or text.startswith("\\") and text[1:].isalpha() else f"{{{text}}}"
