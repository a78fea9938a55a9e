"""A scripted stand-in for a connected model: it reads the numbered passages and cites sentences.

It shows what the tutor's path for connected models carries (four quotes, the talk, citations, the
check of every sentence), not what a language model would make of it: it picks the three sentences
nearest in meaning to the learner's last message, in the order of the passages, word for word, and
declines where none is near.
"""

from __future__ import annotations

import re

from engine.embeddings import embed
from engine.language import rules
from engine.llm import Request
from engine.schema import Language
from engine.text import sentences

SENTENCES = 3
NEAR = 0.80
"""Cosine (e5) from which a sentence is taken to be on the matter."""
_PASSAGE = re.compile(r"^\[(\d+)\] .*\n", re.MULTILINE)


def explains(request: Request, language: Language) -> str:
    """The scripted model's explanation, or its refusal."""
    text = request.messages[-1].content
    told = text.split("<passages>")[-1].split("</passages>")[0]
    asked = _last_said(text.split("<conversation>")[-1].split("</conversation>")[0], language)
    parts = _PASSAGE.split(told)[1:]
    known = [
        (number, sentence)
        for number, passage in zip(parts[::2], parts[1::2], strict=True)
        for sentence in sentences(passage.strip(), language)
        if len(sentence) > 8
    ]
    refusal = rules(language).says("tutor")["refusal"]
    if not known:
        return refusal
    near = embed([sentence for _, sentence in known]) @ embed([asked], query=True)[0]
    best = sorted(sorted(range(len(known)), key=lambda i: -near[i])[:SENTENCES])
    if float(near.max()) < NEAR:
        return refusal
    return rules(language).joiner.join(f"{known[i][1]} [{known[i][0]}]" for i in best)


def _last_said(talk: str, language: Language) -> str:
    learner = rules(language).says("tutor", "prompts")["learner"]
    return talk.split(f"\n{learner}: ")[-1].strip() if talk.strip() else ""
