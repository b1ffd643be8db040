"""Where providers call: verify, keep, answer. No parsing beyond the delivery's name."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from providers import inbox, registrations, registry
from providers.contract import InvalidSignature, MalformedDelivery, WebhookRequest
from providers.models import ProviderAccount


# MobilePay never said by which method its callbacks come.
@csrf_exempt
@require_http_methods(["POST", "PUT"])
def webhook(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """Take a delivery: 200 kept or repeated, 401 not signed, 413 too big, 503 no database."""
    try:
        return _take(request, provider, token)
    except DatabaseError:
        # The provider tries again; a 500 might make it give up.
        return HttpResponse(status=503)


def _take(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    account = ProviderAccount.objects.filter(webhook_token=token, provider=slug).first()
    if account is None:
        return HttpResponse(status=404)
    body = _body(request)
    if body is None:
        return HttpResponse(status=413)
    now = timezone.now()
    delivery = WebhookRequest(
        method=request.method or "",
        url=registrations.webhook_url(account),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        received_at=now,
    )
    provider = registry.of(account)
    try:
        provider.verify(delivery, registrations.secrets(account))
        delivery_id = provider.delivery_id(delivery)
    except InvalidSignature as error:
        inbox.reject(account, reason=error.reason, now=now)
        return HttpResponse(status=401)
    except MalformedDelivery:
        inbox.reject(account, reason="malformed", now=now)
        return HttpResponse(status=400)
    inbox.keep(account, delivery_id=delivery_id, body=body, headers=delivery.headers, now=now)
    return HttpResponse(status=200)


def _body(request: HttpRequest) -> bytes | None:
    """Read the raw body, or None when it is larger than any provider's."""
    try:
        length = int(request.headers.get("Content-Length") or 0)
        if length > settings.WEBHOOK_MAX_BODY:
            return None
        body = request.body
    except (RequestDataTooBig, ValueError):
        return None
    return body if len(body) <= settings.WEBHOOK_MAX_BODY else None
