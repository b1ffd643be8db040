"""The scriptless browser of the smoke run sends what a real one would."""

import pytest
import responses

from invoicing_site.demo.forms import Browser

PAGE = """
<button form="draft" formaction="/issue/" type="submit">Issue</button>
<form id="draft" action="/save/" method="post">
  <input type="hidden" name="csrfmiddlewaretoken" value="t">
  <input name="title" value="old"><textarea name="text">
two
lines</textarea>
  <input type="checkbox" name="vat" checked><input type="checkbox" name="fee">
  <select name="unit"><option value="h">h</option><option value="d" selected>d</option></select>
  <template><input name="blank" value="x"></template>
  <input name="off" value="x" disabled>
  <button name="do" value="add">Add</button>
</form><script>var hidden = 1;</script>
"""


@pytest.fixture
def page():
    with responses.RequestsMock() as wire:
        wire.get("http://shop.example/", body=PAGE)
        yield Browser("http://shop.example").get("/")


def test_form_is_read_as_it_would_be_sent(page):
    assert page.form("title").fields == [
        ("csrfmiddlewaretoken", "t"),
        ("title", "old"),
        ("text", "two\nlines"),
        ("vat", "on"),
        ("unit", "d"),
    ]


def test_button_outside_the_form_counts(page):
    assert page.form("title").buttons == [("do", "add", ""), ("", "", "/issue/")]


def test_button_decides_where_the_form_goes(page):
    with responses.RequestsMock() as wire:
        wire.post("http://shop.example/issue/", body="done")

        answer = Browser("http://shop.example").submit(
            page, "title", {"title": "new"}, button="/issue/"
        )

        assert "title=new" in str(wire.calls[0].request.body)
    assert answer.text == "done"


def test_unknown_field_is_an_error(page):
    with pytest.raises(KeyError, match="colour"):
        page.form("title").filled({"colour": "red"})


def test_script_is_no_text(page):
    assert "hidden" not in page.text
