"""From a trained student to files that others can run.

``merge.py`` folds the adapter in, ``gguf.py`` writes one file, ``parity.py`` proves that it answers
alike, ``export.py`` does all three and hands out copies, each with the model card of ``card.py``.
"""

from __future__ import annotations

from engine.publish.export import FORMATS, Published, export, publish_local
from engine.publish.parity import ParityReport

__all__ = ["FORMATS", "ParityReport", "Published", "export", "publish_local"]
