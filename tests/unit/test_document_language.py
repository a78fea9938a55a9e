"""A part's language is its book's, block by block only in a bilingual book."""

from engine.documents import read_document
from engine.settings import Settings

CHINESE = "数组是一种线性数据结构，它把相同类型的元素存放在连续的内存空间中，因此可以按下标随机访问任何一个元素。"
LONG = f"{CHINESE}\n\n" * 10
ENGLISH = "An array is a linear structure that stores items of one type side by side in memory."
CODE = "```\n" + "def insert(array, index, value):\n    return array\n" * 10 + "```\n"


def languages(tmp_path, text):
    path = tmp_path / "a.md"
    path.write_text(text, encoding="utf-8")
    document = read_document(path, Settings(home=tmp_path))
    return document.language, [s.language for s in document.sections], document


def test_code_and_a_quotation_do_not_change_a_chinese_book(tmp_path):
    text = f"# 数组\n\n{LONG}## 代码\n\n{CODE}\n它很短。\n\n## 引文\n\n{ENGLISH}\n"
    book, sections, document = languages(tmp_path, text)
    assert (book, sections) == ("zh", ["zh", "zh", "zh"])
    assert {b.language for s in document.sections for b in s.blocks} == {""}


def test_a_book_full_of_code_is_in_the_language_of_its_prose(tmp_path):
    book, sections, _ = languages(
        tmp_path, f"# 数组\n\n{CHINESE}\n\n{CODE * 8}\n\n$O(n \\log n)$\n"
    )
    assert (book, sections) == ("zh", ["zh"])


def test_a_bilingual_book_is_read_block_by_block(tmp_path):
    text = f"# 数组\n\n{CHINESE}\n\n{CHINESE}\n\n{ENGLISH}\n\n## Arrays\n\n{ENGLISH}\n\n{ENGLISH}\n"
    _, sections, document = languages(tmp_path, text)
    assert sections == ["zh", "en"]
    assert [b.language for b in document.sections[0].blocks] == ["", "", "en"]
