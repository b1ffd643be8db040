"""Their codes in plain words, in five languages."""

import ast
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polib
import pytest
from django.conf import settings
from django.utils import translation

from providers.mobilepay_invoice import errors
from providers.mobilepay_invoice.errors import Retry

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
DOCUMENTED = [
    "10008",
    "10101",
    "10102",
    "10103",
    "10104",
    "10105",
    "10106",
    "10107",
    "10201",
    "10202",
    "10203",
    "10204",
    "10205",
    "10301",
    "10302",
    "10303",
    "10304",
    "10305",
    "10306",
    "10310",
    "10311",
    "10312",
    "10313",
    "10314",
    "10504",
]


@pytest.mark.requirement("M4-81", "M4-83", "M4-84", "M4-85", "M4-86", "M4-87", "M4-88", "M4-89")
@pytest.mark.requirement("M4-90", "M4-91", "M4-92", "M4-93", "M4-94", "M4-95", "M4-96", "M4-97")
@pytest.mark.requirement("M4-98", "M4-99")
@pytest.mark.parametrize("code", DOCUMENTED)
def test_each_documented_code_has_words_and_a_next_step(code):
    word = errors.error_word(code)

    assert errors.CODES[code] == word
    assert code not in f"{word.meaning} {word.remedy}"
    assert str(word.meaning).endswith(".")
    assert str(word.remedy).endswith(".")


def test_the_table_has_the_documented_codes_and_no_others():
    assert sorted(errors.CODES) == DOCUMENTED


@pytest.mark.requirement("M4-84", "M4-86", "M4-87", "M4-91", "M4-92")
def test_codes_of_a_family_say_the_same():
    for family in errors.FAMILIES:
        assert len({errors.error_word(code) for code in family}) == 1

    assert errors.same_meaning("10305") == {"10101", "10103", "10304", "10305", "10306"}
    assert errors.same_meaning("10504") == {"10504"}


@pytest.mark.requirement("M4-87", "M4-97", "M4-98")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("10105", Retry.AUTO),
        ("10205", Retry.AUTO),
        ("10102", Retry.LATER),
        ("10313", Retry.NEXT_DAY),
        ("10314", Retry.NEXT_DAY),
        ("10101", Retry.NO),
        ("10104", Retry.NO),
        ("99999", Retry.NO),
    ],
)
def test_who_tries_again_and_when(code, expected):
    assert errors.retry(code) == expected
    assert errors.error_word(code).retry == (expected in {Retry.AUTO, Retry.NEXT_DAY})


@pytest.mark.parametrize("code", ["10001", "10007", "10017", "10307", "10315"])
def test_codes_of_2018_are_still_read(code):
    assert errors.error_word(code) == errors.RETIRED[code]


@pytest.mark.requirement("M4-99")
@pytest.mark.parametrize("code", ["10505", "10599"])
def test_other_state_conflicts_say_that_it_changed(code):
    assert errors.error_word(code) == errors.STATE


@pytest.mark.requirement("M4-100")
def test_an_unknown_code_is_named():
    assert errors.error_word("12345").meaning == "MobilePay refused the invoice (code 12345)."
    assert errors.error_word("").meaning == "MobilePay refused the invoice and named no code."


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 11, 21, 11, 0, tzinfo=UTC), 12 * 3600),
        (datetime(2026, 11, 21, 23, 0, tzinfo=UTC), 24 * 3600),
        # The clocks change that night: the day has 23 or 25 hours.
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 23 * 3600),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), 25 * 3600),
    ],
)
def test_next_day_begins_at_midnight_there(now, seconds):
    assert errors.next_day_seconds(now, COPENHAGEN) == seconds


# -------------------------------------------------------------------------------- translations
def wanted() -> set[str]:
    """Every text of the module that goes through gettext."""
    source = (settings.BASE_DIR / "providers/mobilepay_invoice/errors.py").read_text()
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {
        str(node.args[0].value)
        for node in calls
        if isinstance(node.func, ast.Name)
        and node.func.id == "_"
        and isinstance(node.args[0], ast.Constant)
    }


@pytest.mark.requirement("M4-81")
@pytest.mark.parametrize("language", ["nb", "da", "sv", "fi"])
def test_every_error_word_is_translated(language):
    path = settings.BASE_DIR / f"invoicing_site/locale/{language}/LC_MESSAGES/django.po"
    entries = {entry.msgid: entry for entry in polib.pofile(str(path)) if not entry.msgctxt}

    missing = {
        text
        for text in wanted()
        if text not in entries or not entries[text].msgstr or entries[text].fuzzy
    }

    assert missing == set()
    assert all(("{code}" in entries[text].msgstr) == ("{code}" in text) for text in wanted())


@pytest.mark.requirement("M4-100")
def test_an_unknown_code_is_named_in_danish():
    with translation.override("da"):
        meaning = str(errors.error_word("12345").meaning)

    assert meaning == "MobilePay afviste fakturaen (kode 12345)."
