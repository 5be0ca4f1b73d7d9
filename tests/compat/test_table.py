"""The page that says what works is the one that the tests say."""

from __future__ import annotations

from tests.compat.table import PAGE, page


def test_the_page_is_what_the_tests_say():
    assert PAGE.read_text() == page(), "Write it again: python -m tests.compat.table"
