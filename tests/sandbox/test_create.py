"""Create payment: fields, limits, approvals. V-10, V-11, V-12, V-18, V-19."""

import pytest

from providers.sandbox import seeding
from providers.sandbox.models import Payment

from .conftest import Api, ahead, error_code, push_body, receipt, request_body, wrong_field


def test_link_payment_is_created_with_a_redirect_url(api):
    answer = api.create(reference="inv-2026-000123-a1")

    assert answer.status_code == 201
    assert answer.json() == {
        "reference": "inv-2026-000123-a1",
        "redirectUrl": Payment.objects.get().redirect_url,
    }
    assert "/sandbox/landing/" in answer.json()["redirectUrl"]


def test_push_is_created_without_a_redirect_url(api):
    answer = api.create(**push_body(reference="inv-2026-000123-a1"))

    assert (answer.status_code, answer.json()) == (201, {"reference": "inv-2026-000123-a1"})


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": {"currency": "NOK", "value": 100.5}}, 400, "4040"),
        ({"amount": {"currency": "NOK", "value": "100"}}, 400, "4040"),
        ({"amount": {"currency": "NOK", "value": True}}, 400, "4040"),
        ({"amount": {"currency": "NOK", "value": 65_000_001}}, 400, "4040"),
        ({"amount": {"currency": "DKK", "value": 1000}}, 400, "5040"),
        ({"amount": {"currency": "NOK", "value": 99}}, 400, "6010"),
        ({"customer": {"phoneNumber": 4791234567}}, 400, "4070"),
        ({"customer": {"phoneNumber": "+4791234567"}}, 400, "4070"),
        ({"customer": {"phoneNumber": "004791234567"}}, 400, "4070"),
        ({"customer": {"phoneNumber": "91234567"}}, 400, "4070"),
        ({"customer": {"phoneNumber": "4791237010"}}, 400, "7010"),
        ({"customer": {"phoneNumber": "4791237011"}}, 400, "7010"),
        ({"customer": {"phoneNumber": "4791237012"}, "minimumUserAge": 18}, 400, "7010"),
        ({"paymentMethod": {"type": "wallet"}}, 400, "4160"),
        ({"paymentMethod": {"type": "CARD"}}, 400, "4160"),
        ({"returnUrl": "http://billing.example.com/"}, 400, "4090"),
        ({"returnUrl": "https://" + "a" * 2500 + ".example.com"}, 400, "4090"),
        ({"returnUrl": None}, 400, "4090"),
        ({"profile": {"scope": "phonenumber"}}, 400, "4080"),
        ({"profile": {"scope": "nin"}}, 400, "5030"),
        ({"metadata": {str(n): "x" for n in range(6)}}, 400, "4100"),
        ({"metadata": {"k" * 101: "x"}}, 400, "4120"),
        ({"metadata": {"k": "x" * 501}}, 400, "4130"),
        ({"userFlow": "PUSH_MESSAGE"}, 400, "4140"),
    ],
)
def test_documented_codes(api: Api, changes, status, code):
    answer = api.create(**changes)

    assert (answer.status_code, error_code(answer)) == (status, code)
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"invoiceNumber": "1042"}, "invoiceNumber"),
        (
            {"receiptInfo": {"category": "GENERAL", "orderDetailsUrl": "https://x.no"}},
            "receiptInfo",
        ),
        ({"reference": "short"}, "reference"),
        ({"reference": "with_underscore"}, "reference"),
        ({"reference": "a" * 65}, "reference"),
        ({"userFlow": "web_redirect"}, "userFlow"),
        ({"paymentDescription": ""}, "paymentDescription"),
        ({"paymentDescription": "x" * 101}, "paymentDescription"),
        ({"amount": {"currency": "NOK", "value": 1000, "vat": 0}}, "amount"),
        ({"customer": {"phoneNumber": "4791234567", "customerToken": "x"}}, "customer"),
        ({"expiresAt": "2030-01-01T00:00:00Z"}, "expiresAt"),
        ({"receipt": receipt(), "receiptUrl": "https://x.no/1"}, "receipt"),
        ({"receipt": {"orderLines": [], "bottomLine": {"currency": "NOK"}}}, "receipt.orderLines"),
        ({"qrFormat": {"format": "IMAGE/PNG"}}, "qrFormat"),
    ],
)
def test_validation_errors_name_the_field(api: Api, changes, name):
    answer = api.create(**changes)

    assert answer.status_code == 400
    assert (answer.json()["title"], wrong_field(answer)) == ("Bad Request", name)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["amount", "paymentMethod", "reference", "userFlow"])
def test_required_fields_are_named(api: Api, name):
    assert wrong_field(api.create(**{name: None})) == name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ({"taxRate": 10_001}, "receipt.orderLines[0].taxRate"),
        ({"taxPercentage": 25}, "receipt.orderLines[0].taxRate"),
        ({"totalAmount": 12.5}, "receipt.orderLines[0].totalAmount"),
        ({"name": None}, "receipt.orderLines[0].name"),
        ({"vat": 1}, "receipt.orderLines[0].vat"),
        (
            {"unitInfo": {"unitPrice": 1, "quantity": 1}},
            "receipt.orderLines[0].unitInfo.quantity",
        ),
        (
            {"unitInfo": {"unitPrice": 1, "quantity": "1", "quantityUnit": "HOUR"}},
            "receipt.orderLines[0].unitInfo.quantityUnit",
        ),
    ],
)
def test_order_lines_are_checked_by_path(api: Api, line, name):
    body = receipt()
    body["orderLines"][0] |= line

    assert wrong_field(api.create(receipt=body)) == name


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "6120"),
        ({"expiresAt": lambda: ahead(minutes=9)}, "6120"),
        ({"expiresAt": lambda: ahead(hours=25)}, "6110"),
        ({"expiresAt": lambda: ahead(days=61)}, "6110"),
        ({"receipt": None}, "6130"),
    ],
)
def test_long_living_limits(api: Api, changes, code):
    values = {name: value() if callable(value) else value for name, value in changes.items()}

    assert error_code(api.create(**push_body(**values))) == code


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"push_allowed": False}, "5080"),
        ({"long_living_allowed": False}, "5050"),
        ({"can_create": False}, "5070"),
    ],
)
def test_approvals_of_the_sales_unit(api: Api, flags, code):
    """V-46."""
    seeding.sales_unit(**flags)

    assert error_code(api.create(**push_body())) == code


def test_receipt_url_serves_a_long_living_payment(api: Api):
    body = push_body(receipt=None, receiptUrl="https://billing.example.com/i/7Qk2")

    assert api.create(**body).status_code == 201


def test_receipt_info_of_2023_is_taken_where_the_unit_takes_it(api: Api):
    seeding.sales_unit(accepts_receipt_info=True)
    info = {"category": "GENERAL", "orderDetailsUrl": "https://billing.example.com/i/7Qk2"}

    answer = api.create(**push_body(receipt=None, receiptInfo=info))

    assert answer.status_code == 201
    assert Payment.objects.get().receipt_url == info["orderDetailsUrl"]


def test_push_without_expiry_lives_ten_minutes(api: Api):
    api.create(**push_body(expiresAt=None, receipt=None))
    payment = Payment.objects.get()

    assert (payment.expires_at - payment.created_at).total_seconds() == 600


def test_reference_is_unique_per_sales_unit(api: Api, client):
    other = Api(unit=seeding.sales_unit(msn="654321"), client=client)
    other.fetch_token()
    body = request_body(reference="inv-2026-000123-a1")

    answers = [api.create(**body), api.create(**body), other.create(**body)]

    assert [a.status_code for a in answers] == [201, 409, 201]
    assert error_code(answers[1]) == "4150"
    assert Payment.objects.count() == 2


def test_qr_flow_answers_with_a_picture(api: Api, client):
    url = api.create(userFlow="QR", returnUrl=None).json()["redirectUrl"]

    assert client.get(url)["Content-Type"] == "image/svg+xml"


def test_create_needs_few_queries(api: Api, django_assert_max_num_queries):
    body = push_body()
    with django_assert_max_num_queries(14):
        assert api.create(**body).status_code == 201
