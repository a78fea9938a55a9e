"""The words of the prompt search, by language, with the hash that names them."""

from __future__ import annotations

from engine.language import table
from engine.prompts import AnswerPrompt
from engine.schema import Language, content_id


def text(language: Language, name: str) -> str:
    """The text of this name."""
    return str(table(language, "optimise")[name]).strip()


def roles(language: Language) -> list[str]:
    """CourseGPT-zh's initial role prompts (nine; the start is the tenth)."""
    return list(table(language, "optimise")["roles"])


def fragments(language: Language) -> dict[str, dict[str, str]]:
    """Part of a prompt to its options: name to text."""
    return {
        part: {name: words.strip() for name, words in options.items()}
        for part, options in table(language, "optimise")["fragments"].items()
    }


def role_prompt(instruction: str, language: Language) -> AnswerPrompt:
    """A role prompt: the instruction as system text, passages and question below."""
    return AnswerPrompt(system=instruction.strip(), layout=text(language, "layout"))


def version(language: Language) -> str:
    """Changes with any word of this language."""
    return content_id(table(language, "optimise"))
