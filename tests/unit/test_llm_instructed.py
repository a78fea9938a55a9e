"""A student is asked by the system prompt that it was trained with."""

from engine.llm import Request, user
from engine.llm.instructed import Instructed
from engine.llm.scripted import Scripted


def said(request: Request) -> str:
    return " | ".join(f"{m.role}: {m.content}" for m in request.messages)


def test_a_request_gets_the_prompt_unless_it_has_its_own():
    chat = Instructed(Scripted(said, model="m"), "You are the tutor.")
    asked = [Request(messages=user("Why?")), Request(messages=user("Why?", "Be brief."))]
    told = [answer.text for _, answer in chat.ask(asked)]
    assert told == ["system: You are the tutor. | user: Why?", "system: Be brief. | user: Why?"]
    assert "".join(chat.stream(asked[0])) == told[0] and chat.model == "m"
