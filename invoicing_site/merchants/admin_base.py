"""What the operators' pages share: quick lists, history that stays, JSON without secrets.

Every class names its `fields`: a column that is added later is not shown by accident.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
    InlineBase = admin.TabularInline[Any, Any]
else:
    Base = admin.ModelAdmin
    InlineBase = admin.TabularInline


class Quick(Base):
    """Lists that stay quick on long tables: nothing counts them twice."""

    show_full_result_count = False
    list_per_page = 50


class Kept(Quick):
    """Rows that may be changed but not deleted: history hangs on them."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class History(Kept):
    """Rows that only code writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class HistoryInline(InlineBase):
    """Rows of history on the page of what they belong to."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


def shown(
    name: str, mask: Callable[[Any], Any], label: Any = None
) -> Callable[[models.Model], SafeString]:
    """Return a read-only column that shows a field through `mask`, JSON laid out in lines."""

    def column(row: models.Model) -> SafeString:
        value = mask(getattr(row, name))
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", text)

    column.__name__ = f"shown_{name}"
    column.short_description = label or name.replace("_", " ")  # type: ignore[attr-defined]
    return column
