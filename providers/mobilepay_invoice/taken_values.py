"""Values of a body that somebody kept: names in any case, numbers and dates in either spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

LONGEST = 80
LARGEST = Decimal("999999999.99")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,24}|,(?:\d{1,2}|\d{4,24}))?", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?", re.ASCII)
_YEARS = range(2000, 2101)


class Unreadable(Exception):
    """A value that cannot be read: which field, what stood there, what to do."""

    def __init__(self, field: str, value: object, remedy: str) -> None:
        self.field = field
        self.value = "" if value is None else str(value)[:LONGEST]
        self.remedy = remedy
        super().__init__(f"{field}: {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """An invoice that was not read: where it stood, which field and value, what to do."""

    row: str
    number: str = ""
    field: str = ""
    value: str = ""
    remedy: str


class Fields:
    """The members of one JSON object, or the cells of one line, by name in any case."""

    def __init__(self, members: Mapping[str, Any], path: str = "") -> None:
        self._members = {str(name).casefold(): value for name, value in members.items()}
        self._names = {str(name).casefold(): str(name) for name in members}
        self._asked: set[str] = set()
        self.path = path

    def named(self, name: str) -> str:
        """Return a field's name with the path to it, as messages write it."""
        return f"{self.path}.{name}" if self.path else name

    def value(self, *names: str) -> Any:
        """Return the first of these members that is there and not null."""
        self._asked.update(name.casefold() for name in names)
        found = (self._members.get(name.casefold()) for name in names)
        return next((each for each in found if each is not None and each != ""), None)

    def left_over(self) -> list[str]:
        """Return the names of the members that hold something and nobody asked for."""
        return [
            self._names[name]
            for name, value in self._members.items()
            if name not in self._asked and value not in (None, "", [], {})
        ]

    def text(self, *names: str, limit: int) -> str:
        """Read a text; blank where there is none. A number counts as text."""
        found = self.value(*names)
        if found is None:
            return ""
        if isinstance(found, bool | Mapping | list):
            raise Unreadable(self.named(names[0]), found, _("Give a text."))
        if isinstance(found, Decimal):
            # Looked at before it is written out: 1E+999999 is short here and long there.
            if not found.is_finite() or not -limit <= found.adjusted() <= limit:
                raise Unreadable(self.named(names[0]), found, _("Give a text."))
            found = f"{found:f}"
        text = " ".join(str(found).split())
        if len(text) > limit:
            words = _("This is %(length)d characters long; %(limit)d fit. Shorten it.")
            raise Unreadable(
                self.named(names[0]), text, words % {"length": len(text), "limit": limit}
            )
        return text.replace("\x00", "")

    def prose(self, name: str, *, limit: int) -> str:
        """Read a text whose line breaks stay."""
        found = self.value(name)
        lines = str(found or "").replace("\r\n", "\n").split("\n")
        if found is not None and not isinstance(found, str):
            return self.text(name, limit=limit)
        text = "\n".join(line.rstrip() for line in lines).strip().replace("\x00", "")
        if len(text) > limit:
            words = _("This is %(length)d characters long; %(limit)d fit. Shorten it.")
            raise Unreadable(self.named(name), text, words % {"length": len(text), "limit": limit})
        return text

    def lines(self, name: str) -> tuple[str, ...]:
        """Read an array of texts, or one text parted by line breaks, bars or commas."""
        found = self.value(name)
        if isinstance(found, str):
            found = re.split(r"[\n|,]", found)
        if found is None:
            return ()
        if not isinstance(found, Sequence):
            raise Unreadable(self.named(name), found, _("Give a list of texts."))
        parts = (" ".join(str(each).split()) for each in found if each is not None)
        return tuple(part.replace("\x00", "") for part in parts if part)

    def number(self, *names: str) -> Decimal | None:
        """Read a number, None where there is none."""
        found = self.value(*names)
        if found is None:
            return None
        field = self.named(names[0])
        if isinstance(found, str) and _NUMBER.fullmatch(found.strip()):
            found = Decimal(found.strip().replace(",", "."))
        if not isinstance(found, Decimal) or not found.is_finite() or found.adjusted() < -24:
            raise Unreadable(field, found, _("Write a number with a dot, like 990.00."))
        if found.adjusted() > 12 or abs(found) > LARGEST:
            raise Unreadable(field, found, _("This is too large. Give at most 999999999.99."))
        return found

    def day(self, name: str) -> date | None:
        """Read a civil date, None where there is none. A time after it does not count."""
        found = self.value(name)
        if found is None:
            return None
        match = _DATE.fullmatch(str(found).strip())
        try:
            on = date.fromisoformat(match.group(1)) if match else None
        except ValueError:
            on = None
        if on is None or on.year not in _YEARS:
            raise Unreadable(self.named(name), found, _("Write the date like 2018-03-12."))
        return on

    def inside(self, name: str) -> Fields | None:
        """Read an object within, None where there is none."""
        found = self.value(name)
        if found is None:
            return None
        if not isinstance(found, Mapping):
            raise Unreadable(self.named(name), found, _("Give an object."))
        return Fields(found, self.named(name))

    def many(self, *names: str) -> list[Fields]:
        """Read an array of objects under the first of these names; messages count from 1."""
        found = self.value(*names)
        if found is None:
            return []
        used = next(name for name in names if self._members.get(name.casefold()) is not None)
        if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
            raise Unreadable(self.named(used), found, _("Give a list of objects."))
        return [Fields(each, f"{self.named(used)}[{at}]") for at, each in enumerate(found, 1)]
