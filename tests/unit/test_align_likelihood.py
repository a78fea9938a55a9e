"""The instrument: options held against a question by their likelihood, shared prefixes once."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.align import likelihood
from engine.align.items import ChoiceItem
from engine.align.likelihood import Case, Likelihood, Pick
from engine.models.precision import faster_precision
from engine.models.tokenizer import load_tokenizer, prompt_ids
from engine.settings import Settings
from tests.unit.test_bases import make_arch
from tests.unit.tiny_student import WORDS, make_base

NEUTRAL = "Question?"


def item(number, right=0):
    words = [WORDS[(number * 3 + i * (i + number)) % 12] for i in range(9)]
    options = tuple(f"It is {' '.join(words[i : i + 2 + i])}." for i in range(4))
    return ChoiceItem(
        id=f"i{number}",
        pair=f"q{number}",
        point=f"p{number}",
        question=f"What is {' '.join(words[: number % 5 + 1])}?",
        options=options,
        right=right,
        quote=options[right],
    )


def by_hand(net, tokenizer, talk, option):
    """Mean log probability of an option's tokens, one whole row at a time."""
    prompt = prompt_ids(tokenizer, talk)
    said = tokenizer(option, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = net(input_ids=torch.tensor([prompt + said])).logits[0].float().log_softmax(-1)
    at = len(prompt) - 1
    return sum(float(logits[at + i, token]) for i, token in enumerate(said)) / len(said)


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    """In full precision, so that a wrong mask is not taken for rounding."""
    monkeypatch.setattr(likelihood, "faster_precision", lambda: "float32")
    assert callable(faster_precision)


@pytest.mark.parametrize("arch", ["llama", "qwen3", "gemma3_text"])
def test_scores_are_those_of_whole_rows_one_by_one(tmp_path, monkeypatch, arch):
    folder = make_base(tmp_path / "b") if arch == "llama" else make_arch(tmp_path / "b", arch)
    monkeypatch.setattr(likelihood, "NODES", 120)  # several pieces
    example = ("What is mu nu?", "It is beta.\nBecause alpha is gamma and delta.")
    cases = [Case(item=item(n), example=example) for n in range(7)]
    cases += [Case(item=item(n)) for n in range(5)]
    told = []
    picks = Likelihood(Settings(home=tmp_path), folder, "en").read(cases, told.append)
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = load_tokenizer(folder)
    for case, pick in zip(cases, picks, strict=True):
        shown = [("user", example[0]), ("assistant", example[1])] if case.example else []
        said = (*shown, ("user", case.item.question))
        talk = [{"role": role, "content": text} for role, text in said]
        for option, score in zip(case.item.options, pick.scores, strict=True):
            alone = by_hand(net, tokenizer, [{"role": "user", "content": NEUTRAL}], option)
            asked = by_hand(net, tokenizer, talk, option)
            assert score == pytest.approx(asked - alone, abs=2e-4)
    assert told[-1] == len(cases)


def test_a_pick_is_right_where_the_right_option_stands_out():
    asked = item(1, right=2)
    assert Pick(scores=(0.0, 0.1, 0.2, -1.0)).right(asked) == 1
    assert Pick(scores=(0.0, 0.2, 0.2, -1.0)).right(asked) == 0  # a tie is not knowing
    assert Pick(scores=(0.3, 0.1, 0.2, -1.0)).right(asked) == 0
    even = Pick(scores=(1.0, 1.0, 1.0, 1.0))
    assert even.share(asked) == pytest.approx(0.25)
    sure = Pick(scores=(0.0, 0.0, 50.0, 0.0))
    assert sure.share(asked) == pytest.approx(1.0)


def test_a_student_taught_an_answer_picks_it(tmp_path):
    """Planted knowledge: after training on the answers, the right options are the likely ones."""
    from engine.align.backend import LocalBackend
    from engine.align.plan import AlignPlan
    from engine.progress import silent
    from engine.train import TrainingRow

    base = make_base(tmp_path / "base")
    asked = [item(n, right=n % 4) for n in range(6)]
    rows = [TrainingRow(question=i.question, answer=i.answer) for i in asked] * 30
    backend = LocalBackend(Settings(home=tmp_path), str(base), "en", None, True, None)
    plan = AlignPlan(epochs=20, rate=1e-2)
    taught = backend.taught(rows, plan, tmp_path / "own", silent)
    cases = [Case(item=i) for i in asked]

    def right(reader):
        picks = reader.read(cases, lambda n: None)
        return sum(pick.right(own) for pick, own in zip(picks, asked, strict=True))

    assert right(taught) == len(asked) > right(backend.student)
