"""The customer's side is complete in five languages."""

import io
import re
from pathlib import Path

import polib
import pytest
from babel.messages.extract import extract
from django.conf import settings
from django.utils.translation.template import templatize

LANGUAGES = ["nb", "da", "sv", "fi"]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "ngettext": (1, 2),
    "npgettext": ((1, "c"), 2, 3),
}
TEMPLATES = ["hosted", "pdf", "email"]
MODULES = [
    *Path("invoices/rendering").glob("*.py"),
    *Path("invoices/views").glob("hosted*.py"),
    Path("providers/vipps_mobilepay/bodies.py"),
]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%[sd%]")
# Reasons are frozen into documents, so they are the customer's words too.
REASONS = [
    "Exempt from VAT",
    "Reverse charge: the buyer accounts for the VAT",
    "Export: no VAT is charged",
    "Intra-community supply: no VAT is charged",
    "Outside the scope of VAT",
]


def wanted() -> set[tuple[str, str, str]]:
    """Return (context, singular, plural) of every text that a customer may read."""
    found = {("", text, "") for text in REASONS}
    for folder in TEMPLATES:
        for path in (settings.BASE_DIR / "templates" / folder).iterdir():
            found |= _texts(templatize(path.read_text(), origin=str(path)))
    for path in MODULES:
        found |= _texts((settings.BASE_DIR / path).read_text())
    return found


def _texts(source: str) -> set[tuple[str, str, str]]:
    rows = extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS)
    found = set()
    for _line, message, _comments, context in rows:
        one, many = message if isinstance(message, tuple) else (message, "")
        found.add((context or "", one, many))
    return found


def catalogue(language: str) -> polib.POFile:
    """Return a language's .po file."""
    return polib.pofile(str(settings.LOCALE_PATHS[0] / language / "LC_MESSAGES" / "django.po"))


def _forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_extraction_sees_texts_of_every_kind():
    """Guards the other tests: an extractor that finds nothing would let everything pass."""
    texts = wanted()

    assert ("", "Open as PDF", "") in texts
    assert ("", "Delivery date", "") in texts
    assert ("unit", "hours", "") in texts
    assert ("", "Show %(hidden)s more line", "Show %(hidden)s more lines") in texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_customer_is_translated(language):
    entries = {(e.msgctxt or "", e.msgid): e for e in catalogue(language) if not e.obsolete}

    missing = [
        (context, one)
        for context, one, _many in sorted(wanted())
        if (context, one) not in entries
        or "fuzzy" in entries[context, one].flags
        or not all(_forms(entries[context, one]))
    ]

    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_the_same_in_translations(language):
    wrong = [
        entry.msgid
        for entry in catalogue(language)
        for text in _forms(entry)
        if text
        and not entry.obsolete
        and sorted(PLACEHOLDER.findall(text))
        not in (
            sorted(PLACEHOLDER.findall(entry.msgid)),
            sorted(PLACEHOLDER.findall(entry.msgid_plural)),
        )
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_names_its_language_and_plurals(language):
    metadata = catalogue(language).metadata

    assert metadata["Language"] == language
    assert metadata["Plural-Forms"] == "nplurals=2; plural=(n != 1);"
