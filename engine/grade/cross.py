"""The cross-encoder: MiniLM fine-tuned on (question + reference, answer), English only.

``[CLS] question (last 24 tokens) [SEP] reference (56) [SEP] answer (64) [SEP]``; the mean over
tokens and the first token go into one linear layer. Word embeddings stay frozen and no dropout is
used: a few thousand answers cannot teach 30,000 words, and it halves the time on a CPU. After
Sung et al., «Pre-training BERT on domain resources for short answer grading» (AIED 2019), who put
the reference and the answer side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.files import writing
from engine.progress import Report, silent
from engine.schema import Progress, content_id

EPOCHS = 3
_RATE = 2e-4
_BATCH = 32
_FROZEN = 2
"""Lower layers left as they are: they hold words, which grading does not change."""
FOLDS = 3
_LENGTHS = (24, 56, 64)
_CLS, _SEP, _PAD = 101, 102, 0

Triple = tuple[str, str, str]
"""Question, reference, answer."""


def train_cross(
    base: Path,
    triples: Sequence[Triple],
    targets: Any,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    report: Report = silent,
) -> Any:
    """Fine-tune MiniLM; returns the model.

    Args:
        base: Folder of all-MiniLM-L6-v2 (``engine.models.minilm``).
        triples: The n texts.
        targets: Array (n, k) of class probabilities, or (n, 1) of scores in [0, 1].
        epochs: Passes over the answers.
        seed: Of the order and of the last layer.
        report: Told every ten steps; may raise ``Cancelled``.
    """
    import torch

    torch.manual_seed(seed)
    rows = _encode(base, triples)
    goal = torch.as_tensor(targets, dtype=torch.float32)
    model = _build(base, goal.shape[1])
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=_RATE, weight_decay=0.01)
    steps = epochs * -(-len(rows) // _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _ramp(step, steps))
    step = 0
    for epoch in range(epochs):
        for batch in _batches(rows, seed + epoch):
            loss = _loss(model, [rows[i] for i in batch], goal[batch])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            if step % 10 == 0:
                metrics = {"loss": float(loss.detach())}
                report(Progress(stage="grade.train", done=step, total=steps, metrics=metrics))
    return model.eval()


def predict_cross(model: Any, base: Path, triples: Sequence[Triple]) -> Any:
    """Raw outputs, array (n, k): logits of the classes, or one logit of the score."""
    import numpy as np
    import torch

    rows = _encode(base, triples)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    found = np.zeros((len(rows), model.out.out_features), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            batch = order[start : start + 64]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(*_pad([rows[i] for i in batch]))
            found[batch] = out.float().numpy()
    return found


def cross_fit(
    base: Path,
    triples: Sequence[Triple],
    targets: Any,
    folder: Path | None = None,
    report: Report = silent,
) -> tuple[list[Any], Any]:
    """Three models, each trained without one third of the answers, and their held-out outputs.

    A head that learns from outputs on answers that the model was trained on would trust it too
    much; these outputs are honest, and at grading time the three models' outputs are averaged.

    Args:
        base: See ``train_cross``; so are ``triples`` and ``targets``.
        triples: The texts.
        targets: What to learn.
        folder: Where each model is kept once trained, so that a killed fit resumes.
        report: See ``train_cross``.

    Returns:
        The models, and the held-out outputs, array (n, k).
    """
    import numpy as np

    goal = np.asarray(targets, dtype=np.float32)
    fold = np.array([int(content_id(*triple), 16) % FOLDS for triple in triples])
    name = content_id(triples, goal.tolist(), EPOCHS, _RATE, _BATCH, _FROZEN, _LENGTHS)
    models, held = [], np.zeros_like(goal)
    for k in range(FOLDS):
        path = folder / f"cross-{name}-{k}.safetensors" if folder else None
        if path and path.exists():
            model = load_cross(base, path, goal.shape[1])
        else:
            rows = np.flatnonzero(fold != k)
            model = train_cross(
                base, [triples[int(i)] for i in rows], goal[rows], seed=k, report=report
            )
            if path:
                save_cross(model, path)
        models.append(model)
        out = np.flatnonzero(fold == k)
        if len(out):
            held[out] = predict_cross(model, base, [triples[int(i)] for i in out])
    return models, held


def save_cross(model: Any, path: Path) -> None:
    """Write the weights; the file appears whole or not at all."""
    from safetensors.torch import save_file

    with writing(path) as aside:
        save_file(model.state_dict(), aside)


def load_cross(base: Path, path: Path, outputs: int) -> Any:
    """The model that ``save_cross`` wrote, with ``outputs`` columns."""
    from safetensors.torch import load_file

    model = _build(base, outputs)
    model.load_state_dict(load_file(path))
    return model.eval()


def _build(base: Path, outputs: int) -> Any:
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()

    class Cross(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = AutoModel.from_pretrained(
                base,
                dtype=torch.float32,
                add_pooling_layer=False,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
            )
            self.body.embeddings.requires_grad_(False)
            for layer in self.body.encoder.layer[:_FROZEN]:
                layer.requires_grad_(False)
            self.out = torch.nn.Linear(2 * self.body.config.hidden_size, outputs)

        def forward(self, ids: Any, types: Any, mask: Any) -> Any:
            states = self.body(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            weight = mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weight).sum(1) / weight.sum(1)
            return self.out(torch.cat([mean, states[:, 0]], dim=-1))

    return Cross()


def _encode(base: Path, triples: Sequence[Triple]) -> list[tuple[list[int], list[int]]]:
    """Token ids and segment numbers of each row."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    parts = [
        [e.ids for e in tokenizer.encode_batch(list(column), add_special_tokens=False)]
        for column in zip(*triples, strict=True)
    ]
    rows = []
    for question, reference, answer in zip(*parts, strict=True):
        head = [_CLS, *question[-_LENGTHS[0] :], _SEP, *reference[: _LENGTHS[1]], _SEP]
        tail = [*answer[: _LENGTHS[2]], _SEP]
        rows.append((head + tail, [0] * len(head) + [1] * len(tail)))
    return rows


def _pad(rows: Sequence[tuple[list[int], list[int]]]) -> tuple[Any, Any, Any]:
    import torch

    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), _PAD)
    types, mask = torch.zeros_like(ids), torch.zeros_like(ids)
    for i, (row, kinds) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        types[i, : len(row)] = torch.tensor(kinds)
        mask[i, : len(row)] = 1
    return ids, types, mask


def _batches(rows: Sequence[tuple[list[int], list[int]]], seed: int) -> list[Any]:
    """Shuffled batches of rows of like length: padding costs as much as words."""
    import numpy as np

    random = np.random.default_rng(seed)
    noisy = np.array([len(ids) for ids, _ in rows]) + random.uniform(0, 8, len(rows))
    order = np.argsort(noisy)
    batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
    return [batches[i] for i in random.permutation(len(batches))]


def _ramp(step: int, steps: int) -> float:
    """Warm-up over the first tenth, then linearly down to zero."""
    warm = max(1, steps // 10)
    return min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))


def _loss(model: Any, rows: Sequence[tuple[list[int], list[int]]], goal: Any) -> Any:
    import torch

    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(*_pad(rows))
    out = out.float()
    if goal.shape[1] > 1:
        return torch.nn.functional.cross_entropy(out, goal)
    return torch.nn.functional.mse_loss(torch.sigmoid(out), goal)
