"""First paint and rerun times of every page with a corpus of 2,000 pairs, in this process.

    python tests/bench/screens.py --pairs 2000 --runs 20
    python tests/bench/screens.py --oulad ../shared/data/classes --runs 20

With ``--oulad`` *Students* and *My progress* are drawn with the 173,739 scores of OULAD as the
answers of one course (concept: module and kind of assessment; right: 40 points and more).

The time is that of the script run on the server (AppTest), without network and browser: what a
page costs each time it is drawn. First: caches cold; new session: the server has drawn the page for
somebody else before; rerun: the same session again.
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.learner import Event, pseudonym, record
from engine.schema import Course, Evidence, Pair
from engine.settings import Settings
from engine.steps import READ, Workspace
from engine.steps.books import ReadPlan
from engine.store import Store

ROOT = Path(__file__).parents[2]
PAGES = ("home", "course", "corpus", "finetune", "exam", "publish")


def fill(home: Path, pairs: int, book: Path) -> None:
    store = Store(Settings(home=home).database)
    course = Course(id="c", title="C", language="en")
    store.add_course(course)
    READ(Workspace(Settings(home=home), store, course), ReadPlan(files=(str(book),)))
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
                part="reworded" if i % 10 == 0 else None,
            )
            for i in range(pairs)
        ],
    )
    store.close()


def fill_class(home: Path, folder: Path, book: Path) -> None:
    """OULAD's scores as events of a course with a book and a corpus."""
    settings = Settings(home=home)
    fill(home, 200, book)
    raw = pd.read_csv(folder / "studentAssessment.csv").dropna(subset=["score"])
    kinds = pd.read_csv(folder / "assessments.csv").set_index("id_assessment")
    last, now = raw.date_submitted.max(), time.time()
    names = {who: pseudonym(settings, "c", str(who)) for who in raw.id_student.unique()}
    events = (
        Event(
            learner=names[row.id_student],
            item=str(row.id_assessment),
            concept=f"{kinds.code_module[row.id_assessment]} {kinds.assessment_type[row.id_assessment]}",
            correct=row.score >= 40,
            score=row.score / 100,
            at=now - 86400.0 * (last - row.date_submitted + 1),
            source="import",
        )
        for row in raw.itertuples()
    )
    store = Store(settings.database)
    print("events", record(store, "c", events))
    store.close()


def busiest(home: Path) -> str:
    """Pseudonym of the learner with the most events."""
    store = Store(Settings(home=home).database)
    found = Counter(row["learner"] for row in store.events("c")).most_common(1)[0][0]
    store.close()
    return found


def timed(app: AppTest) -> float:
    started = time.perf_counter()
    app.run()
    assert not app.exception, app.exception[0].message
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--pairs", type=int, default=2000)
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--oulad", type=Path, help="folder with OULAD's CSV files")
    options.add_argument("--home", type=Path, help="keep the filled home here, or use it again")
    options.add_argument("--book", type=Path, default=ROOT / "data/sample_course/textbook_en.md")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        os.environ["COURSEWRIGHT_HOME"] = str(home)
        filled = (home / "coursewright.db").exists()
        if not filled and given.oulad:
            fill_class(home, given.oulad, given.book)
        elif not filled:
            fill(home, given.pairs, given.book)
        me = busiest(home) if given.oulad else None
        pages = [*(f"build/{name}.py" for name in PAGES), "learn/tutor.py"]
        if given.oulad:
            pages = ["teach/learners.py", "learn/progress.py"]
        print("page                   first ms   new session   rerun median   rerun p95")
        for page in pages:
            st.cache_data.clear()
            st.cache_resource.clear()
            _, first = opened(page, me)
            app, again = opened(page, me)
            times = sorted(timed(app) for _ in range(given.runs))
            p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
            middle = times[len(times) // 2]
            print(f"{page:22} {first:8.0f} {again:13.0f} {middle:14.0f} {p95:11.0f}", flush=True)


def opened(page: str, me: str | None) -> tuple[AppTest, float]:
    """A page in a session of its own, and the milliseconds of its first paint."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.session_state["course"] = "c"
    app.session_state["lang"] = "en"
    app.session_state["me"] = me
    app.run()
    app.switch_page(str(ROOT / "pages" / page))
    return app, timed(app)


if __name__ == "__main__":
    main()
