"""The prompt that a designer chose words the teacher's answers and the tutor, in both languages.

That it stands in the exam's rows with the book is in ``test_exam_contrast``.
"""

import pytest

from engine.distil import DistilPlan, distil
from engine.lesson import answer_by, ask, open_lesson
from engine.llm.scripted import Scripted
from engine.prompts import AnswerPrompt, choose_prompt, start_prompt
from engine.sample import FOLDER
from engine.schema import Course
from engine.settings import Settings
from engine.steps import READ, Workspace
from engine.steps.books import ReadPlan
from engine.store import Store
from engine.tutor import Conversation
from tests.bench.teacher.scripted import ScriptedTeacher

CHOSEN = {
    "en": AnswerPrompt(
        system="You are a patient gardener.",
        layout="Say it in one breath.\nBook: {passages}\nAsked: {question}",
    ),
    "zh": AnswerPrompt(
        system="你是一位耐心的园丁。", layout="请一口气说完。\n书：{passages}\n问：{question}"
    ),
}
ASKED = {"en": "What is photosynthesis?", "zh": "什么是光合作用？"}


@pytest.fixture(params=["en", "zh"])
def workspace(request, tmp_path):
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    course = Course(id="c", title="Plants", language=request.param)
    store.add_course(course)
    own = Workspace(settings, store, course)
    READ(own, ReadPlan(files=(str(FOLDER / f"textbook_{request.param}.md"),)))
    yield own
    store.close()


def answer_calls(workspace):
    """The calls of the teacher's second pass."""
    seen = []
    script = ScriptedTeacher(workspace.course.language)
    chat = Scripted(lambda request: seen.append(request) or script(request), "teacher")
    plan = DistilPlan(pairs=12, teacher="endpoint", judge=False)
    distil(workspace.course, plan, chat=chat, store=workspace.store)
    return [request for request in seen if request.purpose == "answer"]


def test_the_chosen_prompt_writes_the_training_answers(workspace):
    chosen = CHOSEN[workspace.course.language]
    choose_prompt(workspace.store, "c", chosen)
    calls = answer_calls(workspace)
    assert len(calls) >= 3
    opening = chosen.layout.split("{passages}")[0]
    for request in calls:
        assert request.messages[0].role == "system"
        assert request.messages[0].content == chosen.system
        assert request.messages[-1].content.startswith(opening)


def test_while_none_was_chosen_the_answers_have_words_of_their_own(workspace):
    calls = answer_calls(workspace)
    assert calls and all("gardener" not in r.messages[0].content for r in calls)


def tutored(workspace, who):
    """The request by which the tutor has a question answered, by the student or a guide."""
    seen = []
    chat = Scripted(lambda request: seen.append(request) or "Light [1].", "model")
    models = {"student": lambda: None, "guide": lambda: None} | {who: lambda: chat}
    lesson = open_lesson(workspace, pairs=list, trusts=lambda: True, **models)
    ask(lesson, Conversation(), ASKED[workspace.course.language], use_book=who == "student")
    return seen[0]


def test_the_chosen_prompt_words_the_student_with_the_book(workspace):
    chosen = CHOSEN[workspace.course.language]
    choose_prompt(workspace.store, "c", chosen)
    request = tutored(workspace, "student")
    assert request.messages[0].content == chosen.system
    assert request.messages[-1].content.startswith(chosen.layout.split("{passages}")[0])


def test_the_chosen_prompt_words_a_connected_model_before_the_tutors_own_rules(workspace):
    language = workspace.course.language
    without = tutored(workspace, "guide").messages[0].content
    chosen = CHOSEN[language]
    choose_prompt(workspace.store, "c", chosen)
    told = tutored(workspace, "guide").messages[0].content
    assert told == f"{chosen.style}\n\n{without}"
    assert chosen.system in told and chosen.layout.splitlines()[0] in told
    assert ASKED[language] not in told  # what a learner types never stands there
    choose_prompt(workspace.store, "c", start_prompt(language))
    assert tutored(workspace, "guide").messages[0].content == without


def test_the_chosen_prompt_words_whoever_answers_beside_the_student(workspace):
    chosen = CHOSEN[workspace.course.language]
    choose_prompt(workspace.store, "c", chosen)
    seen = []
    chat = Scripted(lambda request: seen.append(request) or "So.", "base")
    lesson = open_lesson(workspace, pairs=list)
    list(answer_by(lesson, chat, ASKED[workspace.course.language], use_book=True))
    assert seen[0].messages[0].content == chosen.system
