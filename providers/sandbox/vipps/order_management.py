"""Order Management: receipts and link buttons. It never asks whether the payment exists.

Source: Order Management OpenAPI 2.1, developer.vippsmobilepay.com/api/order-management.
"""

import base64
import binascii
import re
import uuid
from typing import Any

from providers.sandbox.models import Image, Link, Receipt
from providers.sandbox.vipps import fields, receipts
from providers.sandbox.vipps.endpoint import Answer, Exchange, endpoint
from providers.sandbox.vipps.problems import Refusal, Shape, gateway, invalid

CATEGORIES = {"GENERAL", "RECEIPT", "ORDER_CONFIRMATION", "DELIVERY", "TICKET", "BOOKING"}
TYPES = {"ECOM", "RECURRING"}
ID = re.compile(r"[0-9A-Za-z\-_.]{1,100}")
IMAGE_ID = re.compile(r"[0-9A-Za-z\-_.]{1,128}")
LARGEST = 2 * 1024 * 1024
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


@endpoint("om_receipt", shape=Shape.ORDER, writes=True, takes_body=True, header_limit=100)
def add_receipt(exchange: Exchange, payment_type: str, order_id: str) -> Answer:
    """POST /v2/{paymentType}/receipts/{orderId}: once only."""
    kind = _order(exchange, payment_type, order_id)
    receipts.check(exchange.body, path="")
    row, is_new = Receipt.objects.get_or_create(
        unit=exchange.unit,
        payment_type=kind,
        order_id=order_id,
        defaults={"content": exchange.body},
    )
    if not is_new:
        raise Refusal(status=409, reason="A receipt for this order already exists.")
    return 201, str(row.public_id)


@endpoint("om_category", shape=Shape.ORDER, writes=True, takes_body=True, header_limit=100)
def put_category(exchange: Exchange, payment_type: str, order_id: str) -> Answer:
    """PUT /v2/{paymentType}/categories/{orderId}: replaces what was there."""
    kind = _order(exchange, payment_type, order_id)
    checks = {
        "category": lambda value: value in CATEGORIES,
        "orderDetailsUrl": receipts.is_text,
        "imageId": _is_image_id,
    }
    receipts.fields(exchange.body, checks, "", required=("category", "orderDetailsUrl"))
    row = _link(exchange, kind, order_id, "category", "orderDetailsUrl")
    Link.objects.filter(unit=exchange.unit, payment_type=kind, order_id=order_id).delete()
    row.save()
    return 200, str(row.public_id)


@endpoint("om_get", shape=Shape.ORDER, header_limit=100)
def get_order(exchange: Exchange, payment_type: str, order_id: str) -> Answer:
    """GET /v2/{paymentType}/{orderId}: the only way to read order lines back."""
    kind = _order(exchange, payment_type, order_id)
    where = {"unit": exchange.unit, "payment_type": kind, "order_id": order_id}
    receipt, link = Receipt.objects.filter(**where).first(), Link.objects.filter(**where).last()
    content = receipt.content if receipt else _receipt_of_payment(exchange, order_id)
    if content is None and link is None:
        raise Refusal(status=404, reason="Order not found.")
    return 200, {"category": _category(link) if link else None, "receipt": content}


@endpoint("om_image", shape=Shape.ORDER, writes=True, takes_body=True, header_limit=100)
def add_image(exchange: Exchange) -> Answer:
    """POST /v1/images: PNG or JPEG, at most 2 MB, never overwritten."""
    _available(exchange)
    checks = {
        "imageId": _is_image_id,
        "src": receipts.is_text,
        "type": lambda value: value == "base64",
    }
    receipts.fields(exchange.body, checks, "", required=tuple(checks))
    try:
        picture = base64.b64decode(exchange.body["src"], validate=True)
    except (ValueError, binascii.Error):
        raise invalid("src", "must be base64") from None
    if len(picture) > LARGEST or not picture.startswith(PICTURES):
        raise invalid("src", "must be a PNG or JPEG of at most 2 MB")
    image_id = exchange.body["imageId"]
    _row, is_new = Image.objects.get_or_create(
        unit=exchange.unit, image_id=image_id, defaults={"size": len(picture)}
    )
    if not is_new:
        raise Refusal(status=409, reason="An image with this id already exists.")
    return 200, {"imageId": image_id}


@endpoint("om_category_v3", shape=Shape.ORDER, writes=True, takes_body=True, header_limit=100)
def add_category(exchange: Exchange) -> Answer:
    """POST /v3/categories."""
    _available(exchange)
    checks = {
        "orderId": lambda value: isinstance(value, str) and bool(ID.fullmatch(value)),
        "paymentType": lambda value: value in TYPES,
        "type": lambda value: value in CATEGORIES,
        "url": receipts.is_text,
        "imageId": _is_image_id,
    }
    body = exchange.body
    receipts.fields(body, checks, "", required=("orderId", "paymentType", "type", "url"))
    row = _link(exchange, body["paymentType"], body["orderId"], "type", "url")
    row.save()
    return 201, {"categoryId": str(row.public_id)}


@endpoint("om_categories_v3", shape=Shape.ORDER, header_limit=100)
def list_categories(exchange: Exchange) -> Answer:
    """GET /v3/categories?orderId=."""
    _available(exchange)
    order_id = exchange.request.GET.get("orderId", "")
    if not order_id:
        raise invalid("orderId", "The orderId field is required.")
    rows = Link.objects.filter(unit=exchange.unit, order_id=order_id)
    return 200, {"categories": [_category_v3(row) for row in rows]}


@endpoint("om_category_v3_get", shape=Shape.ORDER, header_limit=100)
def get_category(exchange: Exchange, public_id: uuid.UUID) -> Answer:
    """GET /v3/categories/{categoryId}."""
    return 200, _category_v3(_found(exchange, public_id))


@endpoint("om_category_v3_delete", shape=Shape.ORDER, writes=True, header_limit=100)
def delete_category(exchange: Exchange, public_id: uuid.UUID) -> Answer:
    """DELETE /v3/categories/{categoryId}."""
    _found(exchange, public_id).delete()
    return 200, None


def latest_link(unit_pk: int, order_id: str) -> Link | None:
    """Find the link button the app shows on a transaction."""
    return Link.objects.filter(unit=unit_pk, order_id=order_id).last()


def _available(exchange: Exchange) -> None:
    # Production only; a sales unit of the test host gets the gateway's answer.
    if not exchange.unit.order_management:
        raise gateway(404, "Resource not found")


def _order(exchange: Exchange, payment_type: str, order_id: str) -> str:
    _available(exchange)
    exchange.reference = order_id
    # The specification writes ECOM, the vendor's own examples ecom.
    kind = payment_type.upper()
    if kind not in TYPES:
        raise invalid("paymentType", "must be ECOM or RECURRING")
    if not ID.fullmatch(order_id):
        raise invalid("orderId", "must match ^[0-9A-Za-z-_\\.]+$")
    return kind


def _link(exchange: Exchange, kind: str, order_id: str, category: str, url: str) -> Link:
    body: dict[str, Any] = exchange.body
    return Link(
        unit=exchange.unit,
        payment_type=kind,
        order_id=order_id,
        category=body[category],
        url=fields.check_url(body[url], exchange.unit),
        image_id=body.get("imageId") or "",
    )


def _found(exchange: Exchange, public_id: uuid.UUID) -> Link:
    _available(exchange)
    row = Link.objects.filter(unit=exchange.unit, public_id=public_id).first()
    if row is None:
        raise Refusal(status=404, reason="Category not found.")
    return row


def _receipt_of_payment(exchange: Exchange, order_id: str) -> Any:
    return (
        exchange.unit.payments.filter(reference=order_id).values_list("receipt", flat=True).first()
    )


def _category(link: Link) -> dict[str, str]:
    content = {"category": link.category, "orderDetailsUrl": link.url}
    return content | ({"imageId": link.image_id} if link.image_id else {})


def _category_v3(link: Link) -> dict[str, str]:
    content = {
        "categoryId": str(link.public_id),
        "orderId": link.order_id,
        "paymentType": link.payment_type,
        "type": link.category,
        "url": link.url,
    }
    return content | ({"imageId": link.image_id} if link.image_id else {})


def _is_image_id(value: Any) -> bool:
    return isinstance(value, str) and bool(IMAGE_ID.fullmatch(value))
