"""The invoice: a draft that is edited, then a number on frozen documents."""

from __future__ import annotations

import secrets
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models

from customers.models import Customer
from invoices.enums import Discount, InvoiceStatus
from invoicing_site.merchants.models import Currency, Issuer, Merchant, User
from providers.contract import VatCategory

ZERO = Decimal("0.00")


def new_token() -> str:
    """Return 192 random bits for the customer's page."""
    return secrets.token_urlsafe(24)


class Invoice(models.Model):
    """One invoice of one merchant.

    While a draft, `typed` holds exactly what was typed (also what cannot be read yet), and the
    columns and lines hold what could be read of it. From issue on, the documents are the truth
    and the columns are copies for lists. `residual` is what is left to pay, derived from
    movements by `lifecycle`.
    """

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="invoices")
    issuer = models.ForeignKey(Issuer, models.PROTECT, related_name="invoices")
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="invoices", null=True, blank=True
    )
    status = models.CharField(
        max_length=20, choices=InvoiceStatus.choices, default=InvoiceStatus.DRAFT
    )
    number = models.CharField(max_length=40, blank=True, default="")
    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    # What was typed, and the counter that keeps two tabs from overwriting each other.
    typed: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=0)

    language = models.CharField(max_length=5, default="en")
    currency = models.CharField(max_length=3, choices=Currency.choices)
    prices_include_vat = models.BooleanField(default=False)
    discount_kind = models.CharField(
        max_length=8, choices=Discount.choices, default=Discount.PERCENT
    )
    discount_value = models.DecimalField(max_digits=16, decimal_places=6, default=ZERO)
    issue_date = models.DateField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    order_date = models.DateField(null=True, blank=True)
    delivery_date = models.DateField(null=True, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    comment = models.TextField(blank=True)
    merchant_contact = models.CharField(max_length=200, blank=True)
    merchant_order_number = models.CharField(max_length=100, blank=True)
    buyer_order_number = models.CharField(max_length=100, blank=True)
    buyer_reference = models.CharField(max_length=100, blank=True)
    payment_reference = models.CharField(max_length=60, blank=True)
    kid = models.CharField(max_length=25, blank=True)
    delivery_street = models.CharField(max_length=200, blank=True)
    delivery_postcode = models.CharField(max_length=12, blank=True)
    delivery_city = models.CharField(max_length=100, blank=True)
    delivery_country = models.CharField(max_length=2, blank=True)

    # Copies for lists, written by drafting, issuing and lifecycle only.
    customer_name = models.CharField(max_length=200, blank=True)
    total = models.DecimalField(max_digits=16, decimal_places=2, default=ZERO)
    total_vat = models.DecimalField(max_digits=16, decimal_places=2, default=ZERO)
    residual = models.DecimalField(max_digits=16, decimal_places=2, default=ZERO)
    search = models.TextField(editable=False, default="")
    needs_person = models.BooleanField(default=False)
    # The day on which the customer has promised to pay, while an approval for it stands.
    promised_on = models.DateField(null=True, blank=True)
    latest_request = models.ForeignKey(
        "invoices.PaymentRequest", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # "<account pk>:<channel slug>" of the link that the hosted page offers; empty: any open one.
    link_channel = models.CharField(max_length=60, blank=True)

    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    issued_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    paid_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "number"],
                condition=~models.Q(number=""),
                name="one_invoice_per_number",
            ),
            models.CheckConstraint(
                condition=models.Q(status="draft") | ~models.Q(number=""),
                name="issued_invoices_have_numbers",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="invoice_newest"),
            models.Index(fields=["merchant", "status", "-id"], name="invoice_by_status"),
            models.Index(fields=["merchant", "customer", "-id"], name="invoice_by_customer"),
            models.Index(fields=["merchant", "status", "due_date"], name="invoice_by_due"),
            models.Index(
                fields=["merchant", "-id"],
                condition=models.Q(needs_person=True),
                name="invoice_needs_person",
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"draft {self.pk}"

    @property
    def is_draft(self) -> bool:
        """Whether it may still be edited."""
        return self.status == InvoiceStatus.DRAFT

    def is_overdue(self, today: date) -> bool:
        """Whether it is open past its due date, by the merchant's calendar.

        A customer who has set a later day for the payment is waited for until then.
        """
        last = max(filter(None, (self.due_date, self.promised_on)), default=None)
        return self.status == InvoiceStatus.OPEN and last is not None and last < today


class InvoiceLine(models.Model):
    """A line of a draft as it could be read; the amounts live in the document."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    article_number = models.CharField(max_length=40, blank=True)
    description = models.CharField(max_length=1000)
    quantity = models.DecimalField(max_digits=16, decimal_places=6)
    unit = models.CharField(max_length=3, default="C62")
    unit_price = models.DecimalField(max_digits=16, decimal_places=6)
    discount_kind = models.CharField(
        max_length=8, choices=Discount.choices, default=Discount.PERCENT
    )
    discount_value = models.DecimalField(max_digits=16, decimal_places=6, default=ZERO)
    vat_category = models.CharField(max_length=2, choices=VatCategory.choices)
    vat_rate = models.DecimalField(max_digits=6, decimal_places=3)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="one_line_per_position")
        ]

    def __str__(self) -> str:
        return self.description
