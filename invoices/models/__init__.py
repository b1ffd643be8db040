"""The tables of invoicing, one subject each."""

from invoices.models.article import Article
from invoices.models.dispatch import Dispatch, DispatchItem
from invoices.models.document import DocumentVersion, RenderedPdf
from invoices.models.invoice import Invoice, InvoiceLine
from invoices.models.number_series import NumberSeries
from invoices.models.payment_request import Movement, Operation, PaymentRequest
from invoices.models.timeline import Alert, TimelineEvent

__all__ = [
    "Alert",
    "Article",
    "Dispatch",
    "DispatchItem",
    "DocumentVersion",
    "Invoice",
    "InvoiceLine",
    "Movement",
    "NumberSeries",
    "Operation",
    "PaymentRequest",
    "RenderedPdf",
    "TimelineEvent",
]
