"""First paint and rerun times of every page with a corpus of 2,000 pairs, in this process.

    python tests/bench/screens.py --pairs 2000 --runs 20

The time is that of the script run on the server (AppTest), without network and browser: what a
page costs each time it is drawn. First paint: caches cold; rerun: caches warm.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.schema import Course, Evidence, Pair
from engine.settings import Settings
from engine.steps import Room, read_books
from engine.store import Store

ROOT = Path(__file__).parents[2]
PAGES = ("home", "course", "corpus", "finetune", "exam", "publish")


def fill(home: Path, pairs: int, book: Path) -> None:
    store = Store(Settings(home=home).database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    read_books(Room(Settings(home=home), store, course), {"files": [str(book)]})
    sections = [s.id for s in store.documents("c")[0].sections]
    store.put_pairs(
        "c",
        [
            Pair(
                id=f"p{i}",
                question=f"What is the meaning of term number {i} of this course?",
                answer=f"Term {i} is a word whose meaning takes about {i % 7 + 9} words to say in full.",
                kind="definition",
                language="en",
                point=f"k{i // 3}",
                evidence=(Evidence(quote="q", section=sections[i % len(sections)], page=1),),
                split="exam" if i % 10 == 0 else "train",
                part="recall" if i % 10 == 0 else None,
            )
            for i in range(pairs)
        ],
    )
    store.close()


def timed(app: AppTest) -> float:
    started = time.perf_counter()
    app.run()
    assert not app.exception, app.exception[0].message
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--pairs", type=int, default=2000)
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--book", type=Path, default=ROOT / "data/sample_course/textbook_en.md")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COURSEWRIGHT_HOME"] = folder
        fill(Path(folder), given.pairs, given.book)
        print("page        first ms   rerun median   rerun p95")
        for page in [*(f"build/{name}.py" for name in PAGES), "learn/tutor.py"]:
            st.cache_data.clear()
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
            app.session_state["course"] = "c"
            app.session_state["lang"] = "en"
            app.run()
            app.switch_page(str(ROOT / "pages" / page))
            first = timed(app)
            times = sorted(timed(app) for _ in range(given.runs))
            p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
            print(f"{page:22} {first:8.0f} {times[len(times) // 2]:14.0f} {p95:11.0f}")


if __name__ == "__main__":
    main()
