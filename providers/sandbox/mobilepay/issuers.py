"""Who the token stands for, and how that merchant looks to payers."""

import io
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from PIL import Image, ImageDraw, ImageFont

from providers.sandbox import clock, faults
from providers.sandbox.mobilepay.endpoint import PROVIDER, Answer, Exchange, endpoint
from providers.sandbox.mobilepay.problems import not_found
from providers.sandbox.models import Call, PortalIssuer, PortalMerchant

SIZE = 256
PAPER = "#ffffff"
# A merchant's issuers mostly share their initials; payers tell them apart by these.
COLOURS = ("#5a78ff", "#0b7a75", "#b3541e", "#7b2d8b", "#2f6f3e", "#a8324a")


@endpoint("me")
def me(exchange: Exchange) -> Answer:
    """Tell the id that every other path contains."""
    return 200, {"MerchantId": str(exchange.merchant.merchant_id)}


@endpoint("issuers")
def issuers(exchange: Exchange) -> Answer:
    """List the merchant's issuers; the first documentation calls this unfinished."""
    merchant = exchange.merchant
    if not merchant.issuer_list_available:
        raise not_found()
    is_first = merchant.profile == PortalMerchant.Profile.V1
    rows = [_issuer(issuer, is_short=is_first) for issuer in merchant.issuers.all()]
    return 200, {"InvoiceIssuers": rows}


def _issuer(issuer: PortalIssuer, *, is_short: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"Id": str(issuer.issuer_id), "Name": issuer.name}
    if is_short:
        return row
    return row | {
        "AccountType": "Account",
        "Status": issuer.status,
        "Address": issuer.address or None,
        "City": issuer.city or None,
        "ZipCode": issuer.zip_code or None,
    }


def logo_path(issuer: PortalIssuer) -> str:
    """Give the path of an issuer's logo."""
    base = f"{reverse('sandbox:index')}mobilepay/invoice-restapi/api/v1"
    return f"{base}/invoiceissuers/{issuer.issuer_id}/logo"


@csrf_exempt
def logo(request: HttpRequest, issuer_id: uuid.UUID) -> HttpResponseBase:
    """Draw an issuer's logo. Whether a token is needed was never published; here it is not."""
    issuer = _issuer_by_id(issuer_id)
    account = str(issuer.merchant.merchant_id) if issuer else ""
    plan = faults.take(provider=PROVIDER, account=account, endpoint="logo")
    if early := plan.before(request):
        return early
    response = HttpResponse(status=404)
    if issuer:
        response = HttpResponse(_drawn(issuer), content_type="image/png")
    Call.objects.create(
        provider=PROVIDER,
        account=account,
        endpoint="logo",
        reference=str(issuer_id),
        status=response.status_code,
        at=clock.now(),
    )
    return plan.after(request, response)


def _issuer_by_id(issuer_id: uuid.UUID) -> PortalIssuer | None:
    return PortalIssuer.objects.select_related("merchant").filter(issuer_id=issuer_id).first()


def _drawn(issuer: PortalIssuer) -> bytes:
    colour = COLOURS[issuer.issuer_id.int % len(COLOURS)]
    image = Image.new("RGB", (SIZE, SIZE), PAPER)
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, 8, SIZE - 8, SIZE - 8), fill=colour)
    font = ImageFont.load_default(size=96)
    draw.text((SIZE / 2, SIZE / 2), _initials(issuer.name), font=font, fill=PAPER, anchor="mm")
    target = io.BytesIO()
    image.save(target, format="PNG")
    return target.getvalue()


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split()[:2]).upper()
