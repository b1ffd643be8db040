"""Views that do only what cannot be left out, on the same server and middleware as ours."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from invoices.models import Invoice
from providers.models import WebhookDelivery


@csrf_exempt
def insert(request: HttpRequest, account: int) -> HttpResponse:
    """Insert one row with the body, and answer."""
    WebhookDelivery.objects.create(
        account_id=account,
        delivery_id=uuid4().hex,
        body=request.body,
        received_at=timezone.now(),
        processed_at=timezone.now(),
    )
    return HttpResponse(status=200)


def read(request: HttpRequest, token: str) -> HttpResponse:
    """Read one row, and answer with what is in it."""
    invoice = Invoice.objects.get(token=token)
    return HttpResponse(f"{invoice.number}: {invoice.total} {invoice.currency}")
