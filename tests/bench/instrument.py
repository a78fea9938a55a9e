"""What a small model makes of questions with four options: by likelihood, and by generated text.

    python -m tests.bench.instrument --home H --course C [--items 100] [--base gemma3-270m]

Questions of the training part only. Prints for each way the share that is right with its interval,
beside chance and the rule of most like words, and the seconds an item takes after an example.
"""

import argparse
import time
from pathlib import Path

from engine.align.items import ChoiceItem, by_overlap, listed, make_pools
from engine.align.likelihood import Case, Likelihood
from engine.corpus import let_through
from engine.judge import interval, token_f1
from engine.llm import Answer, Chat, Request
from engine.models.bases import base_folder
from engine.schema import Message
from engine.settings import Settings
from engine.steps.align import base_to_align
from engine.workspace import base_chat, opened

_TOKENS = 48


def generated(chat: Chat, cases: list[Case]) -> tuple[list[int], float]:
    """Right or not by the text that is written from a list of the options; the share unread."""
    said = []
    for case in cases:
        shown = f"{case.item.question}\nChoose the right answer.\n{listed(case.item)}"
        talk = (("user", case.example[0]), ("assistant", case.example[1])) if case.example else ()
        talk = (*talk, ("user", shown))
        messages = tuple(Message(role=role, content=text) for role, text in talk)
        said.append(Request(messages=messages, max_tokens=_TOKENS, may_be_cut=True))
    texts = [""] * len(said)
    for i, outcome in chat.ask(said):
        texts[i] = outcome.text if isinstance(outcome, Answer) else ""
    picks = [_named(text, case.item) for text, case in zip(texts, cases, strict=True)]
    right = [int(p == case.item.right) for p, case in zip(picks, cases, strict=True)]
    return right, sum(pick is None for pick in picks) / len(picks)


def _named(text: str, item: ChoiceItem) -> int | None:
    """The option that a text is most like; None where it is like none, or like two."""
    scores = [
        token_f1(text.rsplit("Answer:", 1)[-1].strip().split("\n")[0], o) for o in item.options
    ]
    best = max(scores)
    return scores.index(best) if best and scores.count(best) == 1 else None


def show(name: str, right: list[int], *rest: str) -> None:
    """One line of figures."""
    f = interval(right)
    print(f"{name:28} {f.value:.3f} [{f.low:.3f}, {f.high:.3f}] n = {f.n}", *rest, flush=True)


def main() -> None:
    """Both ways on the same items."""
    options = argparse.ArgumentParser()
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--course", required=True)
    options.add_argument("--items", type=int, default=100)
    options.add_argument("--base", default="")
    given = options.parse_args()
    with opened(Settings(home=given.home), given.course) as workspace:
        base = given.base or base_to_align(workspace)
        pairs = let_through(workspace.store.pairs(given.course))
        pools = make_pools(pairs, (4, given.items, 4), 1)
        items, (draft, *_) = list(pools.preference), pools.drafts
        reader = Likelihood(
            workspace.settings, base_folder(base, workspace.settings), workspace.course.language
        )
        chat = base_chat(workspace, base).chat
        print(f"{base}: guessing 0.25")
        show("most like words", by_overlap(items))
        plain = [Case(item=item) for item in items]
        picks = reader.read(plain, lambda n: None)
        show("likelihood, less alone", [p.right(i) for p, i in zip(picks, items, strict=True)])
        bare = [
            p.model_copy(
                update={
                    "scores": tuple(
                        s + reader.alone([o])[o] for s, o in zip(p.scores, i.options, strict=True)
                    )
                }
            )
            for p, i in zip(picks, items, strict=True)
        ]
        show("likelihood", [p.right(i) for p, i in zip(bare, items, strict=True)])
        chat.load()
        right, unread = generated(chat, plain)
        show("generated from a list", right, f"unread {unread:.2f}")
        shot = [Case(item=i, example=(draft.question, draft.answer)) for i in items]
        for name, way in (
            ("likelihood", lambda: reader.read(shot, lambda n: None)),
            ("generated", lambda: generated(chat, shot)),
        ):
            began, spent = time.monotonic(), time.process_time()
            way()
            wall, cpu = time.monotonic() - began, time.process_time() - spent
            print(
                f"one-shot, {name}: {wall / len(shot):.3f} s an item, {cpu / len(shot):.3f} CPU s"
            )


if __name__ == "__main__":
    main()
