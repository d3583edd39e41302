"""The page of the cards speaks the language of the run, and lets no text of it become a script."""

import re
import threading

import pytest

from harness import i18n
from harness.site import page
from harness.site.board import Board, Page


@pytest.fixture
def language():
    before = i18n.current()
    yield i18n.use
    i18n.use(before)


@pytest.mark.parametrize(("lang", "there", "not_there"), [
    ("zh-CN", ["操作卡", "我来做", "操作人员"], ["I do it"]), ("en", ["operator cards", "I do it"], ["卡"]),
])  # fmt: skip
def test_every_text_of_it_is_in_the_language_of_the_run(language, lang, there, not_there):
    language(lang)
    text = page.page()
    assert f'<html lang="{lang}">' in text
    assert [one for one in there if one not in text] == []
    assert [one for one in not_there if one in text] == []
    assert not re.search(r"@\w+@", text), "a place that was not filled"


def test_it_keeps_the_language_of_the_run_in_the_thread_that_serves_it(language):
    language("en")
    made, seen = Page(Board()), []
    thread = threading.Thread(target=lambda: seen.append((i18n.current(), made.html)))
    thread.start()
    thread.join(60)
    ((lang, text),) = seen
    assert lang == "zh-CN", "a thread starts in the default language"
    assert "I do it" in text


def test_a_translation_ends_no_script(monkeypatch):
    monkeypatch.setattr(page, "tr", lambda _text: "</script><b>")
    text = page.page()
    assert text.count("</script>") == 1
    assert "<b>" not in text
