"""What was typed is read as far as it can be read, and never lost."""

from datetime import date
from decimal import Decimal

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from invoices import typed


def line(**values):
    return {
        "description": "Service", "quantity": "1", "unit": "HUR", "unit_price": "100",
        "discount": "", "discount_kind": "percent", "vat": "S:25", "article_number": "",
    } | values  # fmt: skip


def read(language="nb", **given):
    return typed.read(given, language=language)


@pytest.mark.parametrize(
    "text", ["1 234,50", "1234,50", "1234.50", "1\u00a0234,50", "1\u202f234,50", "1.234,50"]
)
def test_price_is_read_in_the_users_notation(text):
    (found,) = read(lines=[line(unit_price=text)]).lines

    assert found.unit_price == Decimal("1234.50")


def test_quantity_keeps_six_decimals():
    (found,) = read(lines=[line(quantity="0,333333")]).lines

    assert found.quantity == Decimal("0.333333")


@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("quantity", "lines.1.quantity", "two"),
        ("unit_price", "lines.1.unit_price", "1,2,3x"),
        ("unit_price", "lines.1.unit_price", "0,0000001"),
        ("unit_price", "lines.1.unit_price", "9" * 30),
        ("discount", "lines.1.discount_value", "ten"),
        ("vat", "lines.1.vat_rate", "S:"),
        ("vat", "lines.1.vat_rate", ""),
        ("description", "lines.1.description", "x" * 1001),
    ],
)
def test_what_cannot_be_read_is_named_and_kept(name, field, text):
    found = read(lines=[line(**{name: text})])

    assert list(found.unread) == [field]
    assert found.unread[field] in text or text in found.unread[field]
    assert found.errors[field]
    assert len(found.lines) == 1


@pytest.mark.parametrize(
    ("text", "expected"), [("2026-11-21", (2026, 11, 21)), ("21.11.2026", (2026, 11, 21))]
)
def test_date_is_read(text, expected):
    assert read(due_date=text).columns["due_date"] == date(*expected)


@pytest.mark.parametrize("text", ["31.02.2026", "tomorrow", "1826-01-01", "2026-13-01"])
def test_unreadable_date_keeps_its_column(text):
    found = read(due_date=text)

    assert "due_date" not in found.columns
    assert found.unread == {"due_date": text}


def test_untouched_lines_are_no_lines():
    found = read(lines=[line(), {"unit": "HUR", "vat": "S:25"}, line()])

    assert found.rows == [0, 2]
    assert [each.position for each in found.lines] == [1, 2]


def test_form_lines_come_by_position():
    data = QueryDict(mutable=True)
    data.setlist("line-description", ["A", "B"])
    data.setlist("line-quantity", ["1", "2"])

    lines = typed.of_post(data)["lines"]

    assert [(row["description"], row["quantity"]) for row in lines] == [("A", "1"), ("B", "2")]


@given(
    quantity=st.text(max_size=30),
    price=st.text(max_size=30),
    discount=st.text(max_size=30),
    vat=st.text(max_size=10),
    due=st.text(max_size=20),
    note=st.text(max_size=300),
)
def test_nothing_typed_breaks_the_reading(quantity, price, discount, vat, due, note):
    found = read(
        due_date=due,
        comment=note,
        lines=[line(quantity=quantity, unit_price=price, discount=discount, vat=vat)],
    )

    assert len(found.lines) == 1
    assert set(found.unread) == set(found.errors)
