"""Choice and numeric answers, graded exactly.

Numbers are read as people type them: full-width digits, decimal comma, thousands separators,
fractions, mixed fractions, percent, scientific notation (``1.2e3``, ``1.2 x 10^3``), and a unit.
Units of one dimension are converted; the table is short on purpose (what a course's items use).
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Literal

from engine.language import any_pattern, languages, table

Outcome = Literal["correct", "unit", "magnitude", "unparsed", "wrong"]

_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPER_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_DIGITS = r"(?:\d{1,3}(?:[,  ']\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
_POWER = r"(?:\s*[eE]\s*(?P<e>[+-]?\d+)|\s*(?:[x×*·]\s*10)\s*(?:\^|\*\*)\s*\(?(?P<p>[+-]?\d+)\)?)?"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)\s*(?:(?P<whole>\d+)\s+(?=\d+\s*/))?"
    rf"(?P<digits>{_DIGITS}){_POWER}(?:\s*/\s*(?P<below>{_DIGITS}))?"
)

_LEAD = r"^\s*(?:{}|[a-zA-Z]\s*=|≈|=|~)\s*"
"""What people write before a result."""
_SI = {"n": 1e-9, "u": 1e-6, "μ": 1e-6, "µ": 1e-6, "m": 1e-3, "c": 1e-2, "d": 1e-1, "k": 1e3}
_SI |= {"M": 1e6, "G": 1e9, "T": 1e12, "": 1.0}


def _table() -> dict[str, tuple[str, float]]:
    """Unit to (dimension, factor to the base unit)."""
    found: dict[str, tuple[str, float]] = {}
    for base in ("m", "s", "g", "N", "J", "W", "V", "A", "Hz", "Pa", "L", "mol", "Ω", "ohm", "eV"):
        for prefix, factor in _SI.items():
            found[prefix + base] = (base, factor)
    found |= {"min": ("s", 60.0), "h": ("s", 3600.0), "d": ("s", 86400.0), "day": ("s", 86400.0)}
    found |= {"km/h": ("m/s", 1 / 3.6), "m/s": ("m/s", 1.0), "cm/s": ("m/s", 0.01)}
    found |= {"km/s": ("m/s", 1e3), "t": ("g", 1e6), "°": ("°", 1.0), "rad": ("°", 180 / math.pi)}
    found |= {"in": ("m", 0.0254), "ft": ("m", 0.3048), "mi": ("m", 1609.344), "lb": ("g", 453.592)}
    found |= {"l": ("L", 1.0), "ml": ("L", 1e-3), "cal": ("J", 4.184), "kcal": ("J", 4184.0)}
    found |= {"bit": ("bit", 1.0), "B": ("bit", 8.0), "byte": ("bit", 8.0), "℃": ("℃", 1.0)}
    for name, factor in (("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)):
        found[name + "B"] = ("bit", 8 * factor)
        found[name[0] + "iB"] = ("bit", 8 * 1024 ** ("kMGT".index(name) + 1))
    found |= {"KB": ("bit", 8e3), "KiB": ("bit", 8192.0), "°C": ("℃", 1.0), "K": ("K", 1.0)}
    for power, mark in ((2, "2"), (3, "3")):
        for name, factor in (("m", 1.0), ("cm", 1e-2), ("mm", 1e-3), ("km", 1e3), ("dm", 1e-1)):
            found[f"{name}^{mark}"] = (f"m^{mark}", factor**power)
    found |= {"g/cm^3": ("kg/m^3", 1e3), "kg/m^3": ("kg/m^3", 1.0), "m/s^2": ("m/s^2", 1.0)}
    return found


_SYMBOLS = _table()


@cache
def _units(codes: tuple[str, ...]) -> dict[str, tuple[str, float]]:
    """Symbols, and the everyday names that languages have for them."""
    names = {name: unit for code in codes for name, unit in table(code, "grading")["units"].items()}
    return _SYMBOLS | {name: _SYMBOLS[unit] for name, unit in names.items()}


def _entry(unit: str) -> tuple[str, float] | None:
    """Base unit and factor of a unit, or of one unit over another; None where unknown."""
    units = _units(languages())
    if unit in units:
        return units[unit]
    above, stroke, below = unit.partition("/")
    over, under = units.get(_unit(above)), units.get(_unit(below))
    if not stroke or over is None or under is None:
        return None
    return f"{over[0]}/{under[0]}", over[1] / under[1]


@dataclass(frozen=True)
class Quantity:
    """A number with its unit as typed; an empty unit where none was."""

    value: float
    unit: str = ""

    @property
    def dimension(self) -> str:
        """Base unit of the unit's dimension; the unit itself where the table has it not."""
        known = _entry(self.unit)
        return known[0] if known else self.unit.lower()

    @property
    def base(self) -> float:
        """The value in the dimension's base unit."""
        known = _entry(self.unit)
        return self.value * (known[1] if known else 1.0)


def parse_quantity(text: str) -> Quantity | None:
    """The one number (with unit) that a text consists of, or None: other text is not a number."""
    flat = _flat(text)
    match = _NUMBER.match(flat)
    if not match:
        return None
    value = _number(match)
    unit = flat[match.end() :].strip().rstrip(".。!,;").strip()
    if value is None or len(unit) > 24 or re.search(r"\d", re.sub(r"\^-?\d", "", unit)):
        return None
    if unit == "%":
        return Quantity(value / 100)
    return Quantity(value, _unit(unit)) if _unit_like(unit) else None


def looks_numeric(text: str) -> bool:
    """Whether a reference answer is a number, perhaps with a unit that we know."""
    quantity = parse_quantity(text)
    return quantity is not None and (not quantity.unit or quantity.unit in _units(languages()))


def grade_number(answer: str, references: tuple[str, ...], tolerance: float = 0.01) -> Outcome:
    """How a numeric answer stands to the best of the references.

    Args:
        answer: What the learner typed.
        references: Right answers; a reference without a unit accepts any unit.
        tolerance: Allowed relative error (absolute where the reference is 0).

    Returns:
        ``correct``; ``unit`` (right number, wrong or missing unit); ``magnitude`` (off by a power
        of ten); ``unparsed`` (no single number); ``wrong``.
    """
    given = parse_quantity(_result(answer))
    if given is None:
        return "unparsed"
    outcomes = {_compare(given, parse_quantity(r), tolerance) for r in references}
    order: tuple[Outcome, ...] = ("correct", "unit", "magnitude")
    return next((outcome for outcome in order if outcome in outcomes), "wrong")


_SUM = re.compile(r"(?:[\d\s.,+\-−–*/×÷·()^=]|(?<=[\d\s)])x(?=\s*[\d(]))*")


def _result(answer: str) -> str:
    """What a calculation comes to («48 / 0.12 = 400»), else the answer as it is."""
    left, equals, right = answer.rpartition("=")
    sums = equals and re.search(r"\d", left) and _SUM.fullmatch(left)
    return right if sums else answer


def grade_choice(
    answer: str, references: tuple[str, ...], choices: tuple[str, ...] = ()
) -> Outcome:
    """Whether the chosen option, or set of options, is the reference's.

    Options are named by letter («B», «(b)», «A, C», «AC», full-width too) or by their text.
    Several references of one option each are alternatives.
    """
    given = _chosen(answer, choices)
    if not given:
        return "unparsed"
    return "correct" if any(given == _chosen(r, choices) for r in references) else "wrong"


def _flat(text: str) -> str:
    raised = _SUPER_RUN.sub(lambda m: "^" + m.group().translate(_SUPER), text)
    flat = unicodedata.normalize("NFKC", raised).replace("−", "-").replace("–", "-")
    flat = flat.replace("⁄", "/").replace("\\times", "x").strip().strip("$").strip()
    flat = re.sub(r"(?<=[a-zA-Z])\s+per\s+(?=[a-zA-Z])", "/", flat)
    lead = any_pattern("grading", "closed", "answer_is", form=_LEAD)
    return re.sub(r"^[x×]\s*(?=\d)", "", lead.sub("", flat))


def _number(match: re.Match[str]) -> float | None:
    value = _digits(match["digits"])
    power = match["e"] or match["p"]
    if power:
        value = float(f"{value!r}e{int(power)}") if "e" not in repr(value) else math.inf
    if match["below"]:
        below = _digits(match["below"])
        if not below:
            return None
        value /= below
    value += float(match["whole"] or 0)
    value = -value if match["sign"] == "-" else value
    return value if math.isfinite(value) else None


def _digits(text: str) -> float:
    """«1,234.5», «1 234», «0,5» and «3.14»: a comma before other than three digits is decimal."""
    if re.fullmatch(r"[1-9]\d{0,2}(?:[,  ']\d{3})+(?:\.\d+)?", text):
        return float(re.sub(r"[,  ']", "", text))
    return float(text.replace(",", "."))


def _unit(text: str) -> str:
    unit = re.sub(r"\s*([/*·^])\s*", r"\1", text)
    unit = re.sub(r"(?<=[a-zA-Z])([23])\b", r"^\1", unit)
    known = _units(languages())
    if unit in known:
        return unit
    return unit.lower() if unit.lower() in known else unit


def _unit_like(text: str) -> bool:
    """Whether what follows the number may be a unit: at most two words, no sentence."""
    return len(text.split()) <= 2 and not re.search(r"[.!?;:,()=]", text)


def _compare(given: Quantity, wanted: Quantity | None, tolerance: float) -> Outcome:
    if wanted is None:
        return "wrong"
    if not wanted.unit or given.dimension == wanted.dimension:
        left, right = (given.value, wanted.value) if not wanted.unit else (given.base, wanted.base)
        return _values(left, right, tolerance)
    same = _values(given.value, wanted.value, tolerance)
    return "unit" if same == "correct" else "wrong"


def _values(left: float, right: float, tolerance: float) -> Outcome:
    if abs(left - right) <= tolerance * (abs(right) or 1.0) + 1e-12 * abs(right):
        return "correct"
    if left and right and left * right > 0:
        power = math.log10(left / right)
        if abs(power - round(power)) < max(math.log10(1 + tolerance), 1e-9):
            return "magnitude"
    return "wrong"


def _chosen(text: str, choices: tuple[str, ...]) -> frozenset[str]:
    """The options that a text names, as letters; the text itself where there are no options."""
    flat = unicodedata.normalize("NFKC", text).strip().lower()
    plain = [unicodedata.normalize("NFKC", c).strip().lower() for c in choices]
    if flat in plain:
        return frozenset({chr(97 + plain.index(flat))})
    lead = any_pattern("grading", "closed", "option", form=r"^(?:{})\s*", flags=0)
    conjunction = any_pattern("grading", "closed", "and", flags=0)
    letters = re.sub(r"[\s,;.、()\[\]&]", "", conjunction.sub(" ", lead.sub("", flat)))
    last = chr(96 + len(choices)) if choices else "h"
    if letters and all("a" <= c <= last for c in letters) and len(set(letters)) == len(letters):
        return frozenset(letters)
    if match := re.match(r"\(?([a-z])[).:、]\s*(.+)$", flat):
        letter, rest = match.groups()
        if not choices or (ord(letter) - 97 < len(plain) and plain[ord(letter) - 97] == rest):
            return frozenset({letter})
    return frozenset({flat}) if flat and not choices else frozenset()
