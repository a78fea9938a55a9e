import pytest

from engine.errors import BadInput, WorkFailed
from engine.models.bases import SMOLLM2, base_folder
from engine.settings import Settings
from engine.train import TrainingRow, masked_sample
from engine.train.rows import IGNORE, encode
from tests.unit.tiny_student import make_tokenizer, models_folder


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


def test_only_the_answer_and_its_end_are_learned(tokenizer):
    row = TrainingRow(question="What is alpha?", answer="It is beta.", system="Be short.")
    [encoded] = encode([row], tokenizer, 200).rows
    learned = [t for t in encoded.labels if t != IGNORE]
    assert tokenizer.decode(learned) == "It is beta.<|im_end|>"
    assert encoded.ids[-1] == tokenizer.eos_token_id
    prompt = tokenizer.decode(list(encoded.ids[: encoded.start]))
    assert prompt.startswith("<|im_start|>system\nBe short.") and prompt.endswith("assistant\n")


def test_truncation_is_counted(tokenizer):
    rows = [
        TrainingRow(question="a", answer="b"),
        TrainingRow(question="a", answer="b " * 60),
        TrainingRow(question="a " * 90, answer="b"),
    ]
    encoding = encode(rows, tokenizer, 60)
    assert (encoding.truncated, encoding.dropped, len(encoding.rows)) == (1, 1, 2)
    assert max(len(row.ids) for row in encoding.rows) == 60
    assert encoding.truncated_share == pytest.approx(2 / 3)


def test_masked_sample_marks_what_is_learned(tokenizer):
    row = TrainingRow(question="What is alpha?", answer="It is beta.")
    prompt, answer = masked_sample(row, tokenizer)
    assert (prompt.learned, answer.learned) == (False, True)
    assert answer.text == "It is beta.<|im_end|>"


def test_empty_answers_and_missing_templates_are_refused(tokenizer):
    with pytest.raises(BadInput) as caught:
        encode([TrainingRow(question="a", answer="  ")], tokenizer, 60)
    assert caught.value.code == "train.empty"
    with pytest.raises(BadInput) as caught:
        encode([TrainingRow(question="a", answer="b")], object(), 60)
    assert caught.value.code == "train.template"


def test_a_template_that_rewrites_the_prompt_is_refused():
    class Rewriting:
        chat_template, eos_token_id = "x", 2

        def apply_chat_template(self, messages, **_):
            return {"input_ids": [len(messages), 5, 6]}

    with pytest.raises(WorkFailed) as caught:
        encode([TrainingRow(question="a", answer="b")], Rewriting(), 60)
    assert caught.value.code == "train.template"


@pytest.mark.slow
def test_the_screen_shows_the_real_template_of_the_built_in_student():
    from engine.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(base_folder(SMOLLM2, Settings(home=models_folder())))
    for system in ("", "Be short."):
        row = TrainingRow(question="What is a list?", answer="A sequence.", system=system)
        assert masked_sample(row) == masked_sample(row, tokenizer)


def test_a_row_without_a_question_is_plain_text_all_learned(tokenizer):
    [encoded] = encode([TrainingRow(question="", answer="alpha is beta")], tokenizer, 200).rows
    assert tokenizer.decode(list(encoded.ids)) == "alpha is beta<|im_end|>"
    assert encoded.start == 1 and encoded.labels[1:] == encoded.ids[1:]
    assert [span.learned for span in masked_sample(TrainingRow(question="", answer="x"))] == [
        False,
        True,
    ]
