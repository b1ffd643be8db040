"""Frozen documents and what was rendered of them."""

from __future__ import annotations

from typing import Any

from django.db import models

from invoicing_site.merchants.models import User


class DocumentVersion(models.Model):
    """One version of an invoice as canonical JSON with its sha256. Never edited.

    `body` is text, not a JSON column: a database may reorder JSON, and the hash is of the bytes.
    """

    invoice = models.ForeignKey("invoices.Invoice", models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=300)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "version"], name="one_row_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.invoice} v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write once."""
        if self.pk is not None:
            raise RuntimeError("A document version is never edited. Make a new version.")
        super().save(*args, **kwargs)


class RenderedPdf(models.Model):
    """The PDF of a document version, rendered once and kept.

    `hosted_url` is part of what was rendered (the QR code), so it is kept beside the bytes.
    """

    document = models.OneToOneField(
        DocumentVersion, models.PROTECT, related_name="pdf", primary_key=True
    )
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    hosted_url = models.CharField(max_length=500)
    rendered_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"PDF of {self.document_id}"
