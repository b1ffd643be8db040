"""Keep secrets and personal data out of logs, pages and the call log."""

import logging
import re
from collections.abc import Mapping
from typing import Any

MASK = "•••"
SECRET_KEYS = re.compile(
    r"authorization|secret|token|password|subscription[-_]key|api[-_]?key|cookie|redirecturl|"
    r"personalnumber|nin$|^sub$|client_id",
    re.IGNORECASE,
)
PHONE_KEYS = re.compile(r"phone|msisdn|mobile", re.IGNORECASE)
_IN_TEXT = (
    re.compile(r"(?i)(bearer\s+)[\w\-.~+/]+=*"),
    re.compile(r"(?i)((?:client_secret|access_token|refresh_token|password)[\"'=:\s]+)[^\s\"',}]+"),
    re.compile(r"(/i/)[\w-]{16,}"),
    re.compile(r"(/webhooks/[\w-]+/)[\w-]{16,}"),
    re.compile(r"([?&]token=)[^&\s\"']+"),
    # A phone number as we store it, but for its country.
    re.compile(r"(\+\d\d)\d{6,13}(?!\d)"),
)
# Eleven digits in a row may be a personal number; amounts and references never have eleven.
_ELEVEN = re.compile(r"(?<![\w-])\d{6}\d{5}(?![\w-])")


def text(value: str) -> str:
    """Mask tokens, keys and personal numbers in free text."""
    for pattern in _IN_TEXT:
        value = pattern.sub(rf"\1{MASK}", value)
    return _ELEVEN.sub(MASK, value)


def phone(value: str) -> str:
    """Keep the last three digits of a phone number."""
    return f"{MASK}{value[-3:]}" if len(value) > 3 else MASK


def payload(value: Any) -> Any:
    """Mask a JSON-like value: secrets by the name of their key, phones but for the last digits."""
    if isinstance(value, Mapping):
        return {key: _member(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [payload(inner) for inner in value]
    return text(value) if isinstance(value, str) else value


def _member(key: str, value: Any) -> Any:
    if SECRET_KEYS.search(key) and not isinstance(value, Mapping | list):
        return MASK
    if PHONE_KEYS.search(key) and isinstance(value, str | int):
        return phone(str(value))
    return payload(value)


class MaskFormatter(logging.Formatter):
    """Masks the whole line, its traceback too: errors of a database quote the row they refuse."""

    def format(self, record: logging.LogRecord) -> str:
        """Format, then mask."""
        return text(super().format(record))


class MaskFilter(logging.Filter):
    """Masks every record that reaches a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message by its masked text; never drops a record."""
        record.msg, record.args = text(record.getMessage()), ()
        return True
