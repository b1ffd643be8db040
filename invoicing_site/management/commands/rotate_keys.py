"""Re-encrypt every stored secret with the newest key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models, transaction

from invoicing_site.merchants.fields import EncryptedJSONField, box

CHUNK = 200


class Command(BaseCommand):
    """See docs/operations.md, "Key rotation"."""

    help = "Re-encrypt stored secrets with the first of FIELD_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewrite every encrypted column, and say how many values each has."""
        for model, field in encrypted_columns():
            count = rewrite(model, field)
            self.stdout.write(f"{model._meta.label}.{field}: {count}")
        for model, field in sealed_columns():
            count = reseal(model, field)
            self.stdout.write(f"{model._meta.label}.{field}: {count}")


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Yield every model and field name that a model says it keeps sealed text in (`SEALED`)."""
    for model in apps.get_models():
        for field in getattr(model, "SEALED", ()):
            yield model, field


def reseal(model: type[models.Model], field: str) -> int:
    """Encrypt one column of sealed texts anew. Returns the number of values."""
    rows = model._default_manager.exclude(**{field: ""})
    pks = list(rows.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), CHUNK):
        with transaction.atomic(durable=True):
            chunk = list(rows.select_for_update().filter(pk__in=pks[start : start + CHUNK]))
            for row in chunk:
                setattr(row, field, box().rotate(getattr(row, field).encode()).decode())
            model._default_manager.bulk_update(chunk, [field])
    return len(pks)


def encrypted_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Yield every model and field name that holds something encrypted."""
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedJSONField):
                yield model, field.name


def rewrite(model: type[models.Model], field: str) -> int:
    """Encrypt one column anew, a chunk per transaction. Returns the number of values.

    Rows are locked, so that a value which staff change meanwhile is not put back.
    """
    rows = model._default_manager.exclude(**{f"{field}__isnull": True})
    pks = list(rows.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), CHUNK):
        with transaction.atomic(durable=True):
            chunk = list(rows.select_for_update().filter(pk__in=pks[start : start + CHUNK]))
            # Saving nothing but this column keeps updated_at and the other columns as they are.
            model._default_manager.bulk_update(chunk, [field])
    return len(pks)
