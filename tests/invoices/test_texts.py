"""Free text before it is frozen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.texts import clean, clean_line


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  two\r\nlines\rthree\t. ", "two\nlines\nthree ."),
        ("bell\x07 null\x00 escape\x1b[31m", "bell null escape[31m"),
        ("100\u202e00,1\u202c", "10000,1"),
        ("שלום\u200f", "שלום\u200f"),
        ("👩\u200d🔧 æøåäö €", "👩\u200d🔧 æøåäö €"),
        ("half \ud83d", "half"),
        ("<script>alert(1)</script> file:///etc/passwd", "<script>alert(1)</script> file:///etc/passwd"),
    ],
)  # fmt: skip
def test_control_characters_go_and_the_rest_stays(typed, kept):
    assert clean(typed) == kept


@given(text=st.text(), limit=st.integers(1, 50))
def test_clean_text_is_bounded_and_stays_as_it_is(text, limit):
    once = clean(text, limit)

    assert len(once) <= limit
    assert clean(once, limit) == once
    assert once.encode().decode() == once


@given(text=st.text())
def test_clean_line_has_no_line_ends(text):
    assert len(clean_line(text).splitlines()) <= 1
