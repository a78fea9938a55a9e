"""Fine-tuning the student.

``recipe.py`` says how, ``estimate.py`` how long and whether it fits, ``run.py`` does it. Below:
``mixture.py`` what is taught in which shares, ``reading.py`` with the book,
``rows.py`` tokens of which the answer is learned, ``packing.py`` batches without padding,
``fast.py`` attention and LoRA for a CPU, ``student.py`` and ``unsloth.py`` the model,
``loop.py`` steps and checks, ``checkpoint.py`` what survives a kill, ``backends.py`` who trains.
"""

from __future__ import annotations

from engine.train.backends import Choice, choose_backend
from engine.train.checkpoint import TrainingPoint, training_log
from engine.train.estimate import TrainingEstimate, estimate
from engine.train.mixture import Mixture, mixed
from engine.train.reading import BookReader, sentence_pairs, sketch
from engine.train.recipe import PRESETS, STUDENT, Recipe, preset
from engine.train.rows import Span, TrainingRow, masked_sample
from engine.train.run import TrainingResult, keep, system_of, train

__all__ = [
    "PRESETS",
    "STUDENT",
    "BookReader",
    "Choice",
    "TrainingPoint",
    "Mixture",
    "Recipe",
    "TrainingRow",
    "Span",
    "TrainingEstimate",
    "TrainingResult",
    "choose_backend",
    "estimate",
    "keep",
    "masked_sample",
    "mixed",
    "preset",
    "sentence_pairs",
    "sketch",
    "system_of",
    "train",
    "training_log",
]
