"""A whole way through *Assignments* in a real browser: items, answers, grades, override, CSV."""

import csv
import io
import time

import pytest

from tests.browser.test_browser import address, click, page, pytestmark, settle  # noqa: F401

READY = 25_000


def item_ids(page) -> list[str]:  # noqa: F811
    """The ids of the items, from the gradebook's template that the screen offers."""
    with page.expect_download() as waiting:
        click(page, "Answer sheet as CSV")
    with open(waiting.value.path(), encoding="utf-8-sig") as file:
        return [row["item_id"] for row in csv.DictReader(file)]


@pytest.mark.timeout(240)
def test_from_items_to_a_gradebook_with_an_override(page, address, tmp_path):  # noqa: F811
    began = time.monotonic()
    page.set_default_timeout(READY)
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(address)
    settle(page)
    page.goto(f"{address}/assignments?course=sample&lang=en")
    settle(page)
    page.get_by_label("How many").fill("3")
    page.get_by_label("How many").press("Enter")
    settle(page)
    click(page, "Add from the corpus")
    page.wait_for_selector("text=Items (3)", timeout=READY)
    settle(page)
    ids = item_ids(page)
    assert len(ids) == 3
    rows = [["item_id", "learner", "answer"]]
    rows += [[i, who, text] for i in ids for who, text in (("Ann", "No idea"), ("Bob", ""))]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    sheet = tmp_path / "answers.csv"
    sheet.write_text(text.getvalue(), encoding="utf-8")
    page.set_input_files('input[type="file"]', str(sheet))
    settle(page)
    click(page, "Add the answers")
    page.wait_for_selector("text=Answers (6", timeout=READY)
    settle(page)
    page.get_by_role("button", name="Grade", exact=False).last.click()
    page.get_by_role("button", name="Review 6 answer").click(timeout=READY)
    page.get_by_label("Your grade").fill("0.5")
    page.get_by_label("Your grade").press("Enter")
    page.get_by_label("Reason").fill("said in class")
    page.get_by_label("Reason").press("Enter")
    page.get_by_role("button", name="Override").click(timeout=READY)
    page.wait_for_selector("text=5 left to review", timeout=READY)
    settle(page)
    with page.expect_download() as waiting:
        click(page, "Gradebook as CSV")
    with open(waiting.value.path(), encoding="utf-8-sig") as file:
        book = list(csv.DictReader(file))
    given = [value for row in book for name, value in row.items() if name != "Learner" and value]
    assert given == ["0.5"]
    assert not page.query_selector('[data-testid="stException"]')
    print(f"clicked through in {time.monotonic() - began:.0f} s")
