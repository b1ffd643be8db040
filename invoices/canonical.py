"""Documents as canonical JSON: the same document is the same bytes, and reads back equal.

Keys are sorted, nothing is escaped that UTF-8 can hold, Decimals are plain strings ("1234.50",
never "1E+3"), dates are ISO. Fields that a document was frozen without read back as their default.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from providers.contract import InvoiceDocument

# The newest shape this code writes and reads.
SCHEMA = 1


class UnknownSchema(ValueError):
    """A document was frozen by a newer version of this software."""


def to_json(document: InvoiceDocument) -> str:
    """Return the canonical JSON text; its UTF-8 bytes are what is hashed."""
    return json.dumps(_plain(document), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> InvoiceDocument:
    """Return the document that `to_json` wrote.

    Raises UnknownSchema when it is of a newer shape, ValueError or KeyError when it is no
    document.
    """
    raw = json.loads(text)
    if raw["schema"] > SCHEMA:
        raise UnknownSchema(
            f"The document has schema {raw['schema']}, and this version reads up to {SCHEMA}. "
            "Update the software before opening it."
        )
    document: InvoiceDocument = _reader(InvoiceDocument)(raw)
    return document


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value


@lru_cache(maxsize=64)
def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return a function that turns plain JSON back into `kind`."""
    if get_origin(kind) in (Union, UnionType):
        return _optional(_reader(next(arg for arg in get_args(kind) if arg is not type(None))))
    if get_origin(kind) is tuple:
        return _tuple(_reader(get_args(kind)[0]))
    if is_dataclass(kind):
        return _dataclass(kind)
    if kind is date:
        return date.fromisoformat
    if kind is Decimal or issubclass(kind, Enum):
        return kind  # type: ignore[no-any-return]
    return _same


def _optional(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda raw: None if raw is None else inner(raw)


def _tuple(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda raw: tuple([inner(item) for item in raw])


def _dataclass(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    readers = [(each.name, _reader(hints[each.name])) for each in fields(kind)]

    def read(raw: Any) -> Any:
        return kind(**{name: reader(raw[name]) for name, reader in readers if name in raw})

    return read


def _same(raw: Any) -> Any:
    return raw
