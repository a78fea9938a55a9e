import random

import pytest
import torch

from engine.train.fast import packed_attention
from engine.train.packing import pack, plan
from engine.train.rows import Encoded, encode
from engine.train.student import load_student
from tests.unit.tiny_student import make_base, make_recipe, make_rows


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    folder = make_base(tmp_path_factory.mktemp("base"))
    student = load_student(folder, make_recipe(folder))
    torch.manual_seed(3)
    for name, parameter in student.model.named_parameters():
        if "lora_B" in name:  # zero at first, which would hide mistakes
            torch.nn.init.normal_(parameter, std=0.1)
    return student


@pytest.fixture(scope="module")
def rows(student):
    long = make_rows(1, system="alpha beta gamma " * 30)
    return encode(make_rows(20) + long, student.tokenizer, 400).rows


def plain_loss(student, rows):
    """TrainingRow by row, with transformers' own attention and PEFT's own LoRA."""
    base = student.model.get_base_model()
    layers = [m for m in base.modules() if "forward" in vars(m)]
    own = [layer.forward for layer in layers]
    base.set_attn_implementation("eager")
    try:
        for layer in layers:
            del layer.forward
        total = sum(
            student.model(input_ids=torch.tensor([row.ids]), labels=torch.tensor([row.labels])).loss
            * (len(row.ids) - row.start)
            for row in rows
        )
    finally:
        base.set_attn_implementation("coursewright_packed")
        for layer, forward in zip(layers, own, strict=True):
            layer.forward = forward
    assert layers, "the fast LoRA was not in use"
    return total / sum(len(row.ids) - row.start for row in rows)


def gradients(student, loss):
    student.model.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in student.model.named_parameters() if p.requires_grad}


def test_packed_loss_and_gradients_equal_unpacked_ones(student, rows):
    packed, _ = student.loss(rows)
    plain = plain_loss(student, rows)
    assert float(packed.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)
    one, other = gradients(student, packed), gradients(student, plain)
    for name in one:
        assert torch.allclose(one[name], other[name], rtol=1e-3, atol=1e-6), name


def test_common_prefixes_stand_once(rows):
    batch, alone = pack(rows), pack(rows, share=False)
    assert batch.ids.shape[1] < alone.ids.shape[1] == batch.tokens
    paths = [path for table in batch.tables for path in table.tolist()]
    for row in rows:
        found = [[int(batch.ids[0, n]) for n in path[: len(row.ids)]] for path in paths]
        assert list(row.ids) in found


def test_tokens_of_other_rows_cannot_be_seen(student, rows):
    alone, _ = student.loss(rows[:1])
    before = float(alone.detach()) * (len(rows[0].ids) - rows[0].start)
    both, _ = student.loss(rows[:2])
    second, _ = student.loss(rows[1:2])
    learned = [len(row.ids) - row.start for row in rows[:2]]
    total = float(both.detach()) * sum(learned)
    assert total == pytest.approx(before + float(second.detach()) * learned[1], rel=1e-5)


def test_a_sliding_window_is_kept():
    rows = [Encoded(tuple(range(3, 43)), 5)]
    batch = pack(rows)
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 2, 40, 8) for _ in range(3))
    out, _ = packed_attention(None, q, k, v, None, scaling=0.3, batch=batch, sliding_window=7)
    at = torch.arange(40)
    seen = (at[:, None] >= at[None]) & (at[:, None] - at[None] < 7)
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=0.3)
    assert torch.allclose(out, wanted.transpose(1, 2), atol=1e-5)


def test_a_plan_visits_every_row_once_an_epoch_within_the_budget():
    lengths = [random.Random(i).randint(5, 60) for i in range(100)]
    steps = plan(lengths, 200, 2, seed=1)
    assert steps == plan(lengths, 200, 2, seed=1) != plan(lengths, 200, 2, seed=2)
    assert sorted(row for step in steps for row in step) == sorted([*range(100)] * 2)
    assert all(sum(lengths[row] for row in step) <= 200 for step in steps)
    half = plan(lengths, 200, 1.5, seed=1)
    assert half == steps[: len(half)] and 1.4 < sum(map(len, half)) / 100 < 1.6
    assert plan([500, 10], 200, 1, seed=0) in ([[0], [1]], [[1], [0]])
