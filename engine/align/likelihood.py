"""How likely each option is to a model: what preferences and tests are read from.

A small model cannot read a list of options: of 98 questions of a textbook SmolLM2-135M generates
the right one of four from a list on .31, near chance. So the options are no part of the question;
each is held against it by its likelihood, and what the option is worth without the question is
taken off (Holtzman et al., 2021, arXiv 2104.08315: options compete by their surface form):

    score(o) = (log p(o | question) - log p(o | neutral question)) / tokens of o

which is right on .56 (without taking off .46; the option most like the question in words .45; see
``tests/bench/instrument.py``). The options' letters say nothing: .24. Nothing is generated, so no
answer is unreadable. An example is computed once for all items after it, and a question once for
all its options (the keys of both are kept; a mask hides the other options), which is exact.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from engine.align.items import ChoiceItem
from engine.language import rules
from engine.llm.local import Local
from engine.models.precision import faster_precision
from engine.models.tokenizer import load_tokenizer, prompt_ids
from engine.schema import Language, Value
from engine.settings import Settings
from engine.train.threads import Threads

NODES = 1024
"""At most so many tokens after a shared prefix are computed at a time."""

CHUNK = 1024
"""Option tokens whose probabilities over the whole vocabulary are computed at a time."""

Example = tuple[str, str]
"""A question with its answer, shown before the item."""


class Case(Value):
    """An item to answer, after an example or without one."""

    item: ChoiceItem
    example: Example | None = None


class Pick(Value):
    """What a reader makes of a case: a score for each option, the highest is its pick."""

    scores: tuple[float, ...]

    def right(self, item: ChoiceItem) -> int:
        """1 if the right option has the highest score, alone; else 0."""
        best = max(self.scores)
        return int(self.scores[item.right] == best and self.scores.count(best) == 1)

    def share(self, item: ChoiceItem) -> float:
        """The right option's part of the probability by ``softmax(scores)``, in (0, 1)."""
        top = max(self.scores)
        weights = [math.exp(score - top) for score in self.scores]
        return weights[item.right] / sum(weights)


class Reader(Protocol):
    """A model that says how likely each option is; ``Likelihood`` is the real one."""

    @property
    def model(self) -> str:
        """Its name, with a digest of its weights."""
        ...

    def read(self, cases: Sequence[Case], tell: Callable[[int], None]) -> list[Pick]:
        """A pick for each case; ``tell`` hears how many are done."""
        ...


class Likelihood:
    """``Reader`` by a transformers folder; loads at the first case.

    Args:
        settings: ``threads`` limits the cores used.
        folder: The model's weights, config and tokenizer.
        language: That of the neutral question.
        prior: Who says what an option is worth alone; by default this model itself. A taught
            student gets its base: options that it never met would else look good after any
            question, because training made them unlikely after the neutral one.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        language: Language,
        prior: Likelihood | None = None,
    ) -> None:
        self._settings, self._folder, self._language = settings, folder, language
        self._prior = prior or self
        self._model = Local(settings, folder).model
        self._net: Any = None
        self._alone: dict[str, float] = {}

    @property
    def model(self) -> str:
        """See ``Reader.model``."""
        return self._model

    def read(self, cases: Sequence[Case], tell: Callable[[int], None]) -> list[Pick]:
        """See ``Reader.read``."""
        self._load()
        alone = self._prior.alone(list(dict.fromkeys(o for c in cases for o in c.item.options)))
        picks: list[Pick] = []
        for example, same in groupby(cases, key=lambda case: case.example):
            items = [case.item for case in same]
            blocks = [
                _Block(self._prompt(i.question, example), self._ids(i.options)) for i in items
            ]
            for item, values in zip(items, self._of_blocks(blocks), strict=True):
                own = zip(values, item.options, strict=True)
                scores = tuple(value - alone[option] for value, option in own)
                picks.append(Pick(scores=scores))
            tell(len(picks))
        return picks

    def alone(self, options: Sequence[str]) -> dict[str, float]:
        """What each option is worth without its question; kept, since items share options."""
        self._load()
        new = [option for option in options if option not in self._alone]
        neutral = self._prompt(rules(self._language).says("align")["neutral"])
        parts = [new[at : at + _TOGETHER] for at in range(0, len(new), _TOGETHER)]
        found = self._of_blocks([_Block(neutral, self._ids(part)) for part in parts])
        for part, values in zip(parts, found, strict=True):
            self._alone |= dict(zip(part, values, strict=True))
        return self._alone

    # ------------------------------------------------------------ the model

    def _load(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        if self._net is not None:
            return
        self._threads = Threads(self._settings)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        precision = "bfloat16" if device == "cuda" else faster_precision()
        self._tokenizer = load_tokenizer(self._folder)
        self._net = AutoModelForCausalLM.from_pretrained(
            self._folder,
            dtype=getattr(torch, precision),
            device_map={"": device},
            use_safetensors=True,
        ).eval()

    def _block(self, item: ChoiceItem, example: Example | None) -> _Block:
        return _Block(self._prompt(item.question, example), self._ids(item.options))

    def _prompt(self, question: str, example: Example | None = None) -> list[int]:
        shown = [("user", example[0]), ("assistant", example[1])] if example else []
        talk = [{"role": r, "content": text} for r, text in (*shown, ("user", question))]
        return prompt_ids(self._tokenizer, talk)

    def _ids(self, options: Sequence[str]) -> list[list[int]]:
        return [self._tokenizer(o, add_special_tokens=False)["input_ids"] for o in options]

    def _of_blocks(self, blocks: Sequence[_Block]) -> list[list[float]]:
        """Mean log probability (nats) of each option's tokens, block by block, in order.

        Blocks of like length go together, so that little is padded.
        """
        import torch

        found: list[list[float]] = [[] for _ in blocks]
        if not blocks:
            return found
        shared = _common([block.prompt for block in blocks])
        order = sorted(range(len(blocks)), key=lambda i: -blocks[i].length)
        with torch.inference_mode():
            keys = self._keys(blocks[0].prompt[:shared])
            at = 0
            while at < len(order):
                self._threads.adapt()
                most = max(1, NODES // (blocks[order[at]].length - shared))
                part = [blocks[i] for i in order[at : at + most]]
                means = self._means(part, shared, self._hidden(part, shared, keys))
                for i, own in zip(order[at : at + most], means, strict=True):
                    found[i] = own
                at += most
        return found

    def _keys(self, prefix: Sequence[int]) -> Any:
        """The prefix as keys and values of every layer."""
        import torch
        from transformers import DynamicCache

        cache = DynamicCache()
        ids = torch.tensor([prefix], device=self._net.device)
        self._net.get_decoder()(input_ids=ids, past_key_values=cache, use_cache=True)
        return cache

    def _hidden(self, blocks: Sequence[_Block], shared: int, keys: Any) -> Any:
        """Hidden states (blocks, width, size) of what follows the shared prefix."""
        import torch

        laid = [block.laid(shared) for block in blocks]
        width = max(len(ids) for ids, _, _ in laid)
        ids = torch.zeros(len(laid), width, dtype=torch.long)
        places = torch.zeros_like(ids)
        seen = torch.zeros(len(laid), 1, width, shared + width, dtype=torch.bool)
        seen[..., :shared] = True
        for row, (own, at, options) in enumerate(laid):
            ids[row, : len(own)] = torch.tensor(own)
            places[row, : len(own)] = torch.tensor(at)
            part = torch.tensor(options)
            sees = (part[None, :] == 0) | (part[None, :] == part[:, None])
            seen[row, 0, : len(own), shared : shared + len(own)] = sees.tril()
        cache = copy.deepcopy(keys)
        cache.batch_repeat_interleave(len(laid))
        device = self._net.device
        return self._net.get_decoder()(
            input_ids=ids.to(device),
            position_ids=places.to(device),
            attention_mask=self._masks(seen, places, shared),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state

    def _masks(self, seen: Any, places: Any, shared: int) -> Any:
        """What each layer may see: all of ``seen``, or of it what is nearer than its window."""
        import torch

        config, device = self._net.config, self._net.device
        if "sliding_attention" not in (getattr(config, "layer_types", None) or ()):
            return seen.to(device)
        before = torch.arange(shared).expand(len(places), -1)
        far = places[:, :, None] - torch.cat((before, places), 1)[:, None, :]
        near = seen & (far < config.sliding_window)[:, None]
        return {"full_attention": seen.to(device), "sliding_attention": near.to(device)}

    def _means(self, blocks: Sequence[_Block], shared: int, hidden: Any) -> Iterator[list[float]]:
        """Mean log probability of each option of each block from its hidden states."""
        import torch

        rows = [(i, at) for i, block in enumerate(blocks) for at in block.before(shared)]
        index = torch.tensor(rows, device=hidden.device)
        targets = [token for b in blocks for option in b.options for token in option]
        values = self._log(hidden[index[:, 0], index[:, 1]], targets)
        at = 0
        for block in blocks:
            means = []
            for option in block.options:
                means.append(sum(values[at : at + len(option)]) / len(option))
                at += len(option)
            yield means

    def _log(self, hidden: Any, targets: Sequence[int]) -> list[float]:
        """Log probability of each target, ``CHUNK`` at a time: whole vocabularies take memory."""
        import torch

        head, found = self._net.get_output_embeddings(), []
        own = torch.tensor(targets, device=hidden.device)[:, None]
        for at in range(0, len(targets), CHUNK):
            logits = head(hidden[at : at + CHUNK]).float()
            found += (logits.gather(1, own[at : at + CHUNK])[:, 0] - logits.logsumexp(1)).tolist()
        return found


_TOGETHER = 16
"""Options that are read after one neutral question."""


@dataclass(frozen=True)
class _Block:
    """A prompt and its options, as token ids; every option follows the prompt directly."""

    prompt: list[int]
    options: list[list[int]]

    @property
    def length(self) -> int:
        return len(self.prompt) + sum(map(len, self.options))

    def laid(self, shared: int) -> tuple[list[int], list[int], list[int]]:
        """Ids, positions and option numbers (0: prompt) of what follows the shared prefix."""
        ids, end = self.prompt[shared:], len(self.prompt)
        places, options = list(range(shared, end)), [0] * len(ids)
        for number, option in enumerate(self.options, 1):
            ids = ids + option
            places += range(end, end + len(option))
            options += [number] * len(option)
        return ids, places, options

    def before(self, shared: int) -> Iterator[int]:
        """The place from which each option token is predicted, after the shared prefix."""
        begin = len(self.prompt) - shared
        for option in self.options:
            yield len(self.prompt) - shared - 1
            yield from range(begin, begin + len(option) - 1)
            begin += len(option)


def _common(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with, each keeping one of its own."""
    most = min(map(len, prompts)) - 1
    first = prompts[0]
    return next((i for i in range(most) if any(p[i] != first[i] for p in prompts)), most)
