"""All that depends on a language, as data: a folder of TOML for each, read by one loader.

A third language is a folder, not code: see ``load``.
"""

from engine.language.load import DEFAULT, VARIABLE, known_language, languages, missing, table
from engine.language.rules import LanguageRules, Sizes, alternatives, any_pattern, any_words, rules

__all__ = [
    "DEFAULT",
    "VARIABLE",
    "LanguageRules",
    "Sizes",
    "alternatives",
    "any_pattern",
    "any_words",
    "known_language",
    "languages",
    "missing",
    "rules",
    "table",
]
