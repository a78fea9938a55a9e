"""What became of a request that a model of this machine has answered."""

from __future__ import annotations

from engine.errors import BadAnswer, TeacherError
from engine.llm import Answer, Request
from engine.llm.content import find_json, usable_text


def settled(
    request: Request, text: str, prompt: int, tokens: int, seconds: float, *, cut: bool
) -> Answer | TeacherError:
    """The answer, or why it is none.

    Args:
        request: What was asked.
        text: What the model wrote.
        prompt: Tokens of the prompt.
        tokens: Tokens of the answer.
        seconds: How long it took.
        cut: Whether it ended for its length alone.
    """
    if cut and not request.may_be_cut:
        return BadAnswer(
            f"The answer was cut off after {tokens} tokens.",
            code="teacher.length",
            next="Allow longer answers, or ask for less at a time.",
        )
    try:
        text = usable_text(text)
        schema = request.answer_schema
        data = None if schema is None else find_json(text, schema)
    except BadAnswer as error:
        return error
    return Answer(
        text=text, data=data, prompt_tokens=prompt, completion_tokens=tokens, seconds=seconds
    )
