"""Free text made fit to be frozen: no control characters, and no longer than there is room for."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from django.utils.translation import override

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Characters, not bytes. Longer texts are refused when issuing and cut in previews only.
LIMITS = {
    "subject": 200,
    "comment": 4000,
    "terms": 4000,
    "merchant_contact": 200,
    "merchant_order_number": 100,
    "buyer_order_number": 100,
    "buyer_reference": 100,
    "payment_reference": 60,
    "description": 1000,
}
# XML and PDF cannot hold controls, surrogates and non-characters. Embeddings, overrides and
# isolates could make an amount read backwards; the plain marks U+200E and U+200F stay.
_FORBIDDEN_KINDS = {"Cc", "Cs"}
_FORBIDDEN = {"\ufffe", "\uffff", *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}


def clean(text: str, limit: int | None = None) -> str:
    """Return the text without forbidden characters and outer blanks, cut at `limit` characters.

    Newlines stay (CRLF and CR become LF), tabs become blanks.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = "".join(char for char in text if char == "\n" or _is_fit(char))
    return kept.strip()[:limit].rstrip()


def clean_line(text: str, limit: int | None = None) -> str:
    """Return the same on one line."""
    return clean(" ".join(text.split()), limit)


def _is_fit(char: str) -> bool:
    return char not in _FORBIDDEN and unicodedata.category(char) not in _FORBIDDEN_KINDS


def plain(label: _StrOrPromise) -> str:
    """Return a label in the source language, as what is stored keeps it."""
    with override("en"):
        return str(label)
