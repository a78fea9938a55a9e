"""Small graded classes for the tests of grading."""

import random

from engine.grade.items import Item, Submission

ITEMS = [
    Item(item_id="heat", question="Why does a metal rod get longer when it is heated?",
         references=("Heat makes the particles move faster and further apart, so the metal expands.",), max_score=4),
    Item(item_id="salt", question="How do you get the salt out of sea water?",
         references=("Evaporate the water; the salt stays behind as crystals.",), max_score=4),
    Item(item_id="plant", question="Why do plants need light?",
         references=("Plants use the energy of light to make sugar from carbon dioxide and water.",), max_score=4),
]  # fmt: skip
RIGHT = {
    "heat": ("the particles move faster", "particles move further apart when hot", "heat makes it expand because particles move"),
    "salt": ("evaporate the water and the salt stays", "let the water evaporate, salt crystals stay behind", "water evaporates, leaving salt"),
    "plant": ("they make sugar with the energy of light", "light gives energy to make sugar", "to make sugar from carbon dioxide and water"),
}  # fmt: skip
WRONG = (
    "because it is blue",
    "it melts",
    "you use a magnet",
    "they are hungry",
    "it is magic",
    "I do not know",
    "the rod is old",
)
TAILS = ("", " I think", " in the end", " as we saw", " really", " of course", " every time")


def answers(n, seed=0, scores=False):
    """``n`` graded answers, half of them right."""
    rng = random.Random(seed)
    found = []
    for i in range(n):
        item, right = rng.choice(ITEMS).item_id, i % 2 == 0
        text = rng.choice(RIGHT[item] if right else WRONG) + rng.choice(TAILS)
        given = (
            {"score": 4 if right else rng.choice((0, 1))}
            if scores
            else {"label": "correct" if right else "incorrect"}
        )
        found.append(Submission(answer_id=f"{seed}-{i}", item_id=item, answer=text, **given))
    return found
