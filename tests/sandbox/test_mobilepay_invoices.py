"""Creating one invoice or link, reading it and taking it back."""

import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from PIL import Image

from providers.sandbox import clock
from providers.sandbox.mobilepay import lifecycle
from providers.sandbox.models import AppEvent, AppInvoice, Call, Fault
from tests.sandbox import mobilepay_openapi as openapi
from tests.sandbox.mobilepay_merchant import API, BASE, Merchant, alias, article, day, is_guid
from tests.sandbox.mobilepay_merchant import merchant as new_merchant

pytestmark = pytest.mark.django_db
Status = AppInvoice.Status


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = "http://testserver"


@pytest.fixture
def merchant() -> Merchant:
    return new_merchant()


def made(merchant: Merchant, path: str = "/invoices", **given) -> AppInvoice:
    answer = merchant.post(path, merchant.body(**given))
    assert answer.status_code == 200, answer.content
    return AppInvoice.objects.get(invoice_id=answer.json()["InvoiceId"])


def moved(invoice: AppInvoice, *statuses: str) -> AppInvoice:
    with transaction.atomic():
        locked = lifecycle.locked(invoice.pk)
        for status in statuses:
            lifecycle.move(locked, status, clock.now())
    return locked


@pytest.mark.requirement("M1-61")
def test_me_tells_the_merchant_id(merchant):
    answer = merchant.get(f"{API}/merchants/me")

    assert answer.status_code == 200
    assert answer.json() == {"MerchantId": str(merchant.portal.merchant.merchant_id)}


@pytest.mark.requirement("M1-62")
def test_issuers_are_listed_with_their_state(merchant):
    rows = merchant.get("/invoiceissuers").json()["InvoiceIssuers"]

    assert [row["Status"] for row in rows] == ["enabled", "enabled", "disabled"]
    assert rows[0] == {
        "Id": merchant.issuer,
        "Name": "Skovbo Have",
        "AccountType": "Account",
        "Status": "enabled",
        "Address": "Eksempelgade 4",
        "City": "København N",
        "ZipCode": "2200",
    }


@pytest.mark.requirement("M1-62")
def test_first_documentation_lists_id_and_name_only(merchant):
    merchant.set(profile="v1")

    rows = merchant.get("/invoiceissuers").json()["InvoiceIssuers"]

    assert [set(row) for row in rows] == [{"Id", "Name"}] * 3


@pytest.mark.requirement("M1-63")
def test_issuer_list_can_be_unavailable(merchant):
    merchant.set(issuer_list_available=False)

    answer = merchant.get("/invoiceissuers")

    assert (answer.status_code, answer.content) == (404, b"")


def test_logo_is_a_png_where_details_say(merchant):
    invoice = made(merchant)
    address = merchant.get(f"/invoices/{invoice.invoice_id}").json()["LogoUrl"]

    answer = merchant.client.get(address)

    assert address == f"http://testserver{API}/invoiceissuers/{merchant.issuer}/logo"
    assert answer["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)
    assert merchant.client.get(f"{API}/invoiceissuers/{uuid.uuid4()}/logo").status_code == 404


@pytest.mark.requirement("M4-01")
def test_direct_invoice_is_created_at_once_and_told(merchant):
    body = merchant.full(TotalAmount=125.5, PaymentReference="REF 7")

    answer = merchant.post("/invoices", body)

    assert answer.status_code == 200
    assert set(answer.json()) == {"InvoiceId"}
    assert is_guid(answer.json()["InvoiceId"])
    invoice = AppInvoice.objects.get()
    assert (invoice.status, invoice.sequence, str(invoice.total)) == ("created", 1, "125.50")
    assert (invoice.alias, invoice.payment_reference) == ("+4511223344", "REF 7")
    event = AppEvent.objects.get()
    assert event.queued_at is None
    assert event.payload == {
        "InvoiceId": answer.json()["InvoiceId"],
        "Status": "Created",
        "Date": lifecycle.stamp(event.at, 1),
        "Sequence": 1,
    }


@pytest.mark.requirement("M4-38", "M1-27")
@pytest.mark.parametrize(("profile", "status"), [("v1", 202), ("1.4", 202), ("1.5", 200)])
def test_success_is_202_in_the_older_documentations(merchant, profile, status):
    merchant.set(profile=profile)
    body = merchant.first() if profile == "v1" else merchant.full()

    assert merchant.post("/invoices", body).status_code == status


@pytest.mark.requirement("M1-26", "M1-58")
def test_first_documentation_posts_an_array(merchant):
    merchant.set(profile="v1")

    one = merchant.post("/invoices", [merchant.first()])
    two = merchant.post("/invoices", [merchant.first(), merchant.first()])
    bad = merchant.post("/invoices", [merchant.first(), merchant.first(DueDate=None)])

    assert set(one.json()) == {"InvoiceId"}
    assert [set(row) for row in two.json()] == [{"InvoiceId"}] * 2
    assert bad.status_code == 400
    assert bad.json()["error_description"] == "input.DueDate : Required\r\n"
    assert AppInvoice.objects.count() == 3


def test_later_documentations_take_no_array(merchant):
    answer = merchant.post("/invoices", [merchant.body()])

    assert answer.status_code == 400
    assert answer.json()["error"] == "InputError"


@pytest.mark.requirement("M4-47", "M4-48", "M4-49")
def test_link_needs_no_alias_and_answers_with_links(merchant):
    body = merchant.body(ConsumerAlias=None, RedirectUrl="https://shop.example/paid")

    answer = merchant.post("/invoices/link", body)

    invoice = AppInvoice.objects.get()
    rels = {link["Rel"]: link["Href"] for link in answer.json()["Links"]}
    assert list(rels) == ["self", "user-redirect"]
    assert rels["user-redirect"] == f"http://testserver{BASE}/pay/{invoice.token}/"
    assert (invoice.is_link, invoice.alias, invoice.status) == (True, "", "created")
    assert "Links" not in AppEvent.objects.get().payload
    assert invoice.body["RedirectUrl"] == "https://shop.example/paid"


@pytest.mark.requirement("M4-61")
def test_details_give_what_was_sent_and_no_more(merchant):
    body = merchant.full(
        TotalAmount=250,
        TotalVatAmount=40,
        Comment="Tak for besøget",
        PaymentReference="2026-7",
        InvoiceUrl="https://billing.example.test/pdf/9f2",
        InvoiceArticles=[article(), article(VATRate=12, TotalVATAmount=15)],
    )
    invoice_id = merchant.post("/invoices", body).json()["InvoiceId"]

    answer = merchant.get(f"/invoices/{invoice_id}")

    line = {
        "ArticleNumber": "SRV-1",
        "ArticleDescription": "Stort cykelservice",
        "TotalPriceIncludingVat": 125.0,
        "Quantity": 1.333,
        "PricePerUnit": 75.0188,
    }
    assert answer.json() == {
        "InvoiceId": invoice_id,
        "InvoiceNumber": body["InvoiceNumber"],
        "IssueDate": day(0),
        "DueDate": day(14),
        "PaymentDate": None,
        "Comment": "Tak for besøget",
        "InvoiceArticles": [line, line],
        "CurrencyCode": "DKK",
        "TotalAmount": 250.0,
        "InvoiceVatTotals": [
            {"VatRate": 12.0, "TotalVatAmount": 15.0},
            {"VatRate": 25.0, "TotalVatAmount": 25.0},
        ],
        "TotalVatAmount": 40,
        "TotalAmountExcludingVat": 210.0,
        "MerchantId": str(merchant.portal.merchant.merchant_id),
        "InvoiceIssuerId": merchant.issuer,
        "InvoiceIssuerName": "Skovbo Have",
        "InvoiceIssuerAddress": "Eksempelgade 4",
        "InvoiceIssuerZipcode": "2200",
        "InvoiceIssuerCity": "København N",
        "MerchantIsoCountryCode": "DK",
        "LogoUrl": f"http://testserver{API}/invoiceissuers/{merchant.issuer}/logo",
        "Status": "created",
        "InvoiceUrl": "https://billing.example.test/pdf/9f2",
        "PaymentTransactionId": None,
        "PaymentReference": "2026-7",
    }


@openapi.needs_file
@pytest.mark.requirement("M4-61", "M4-63", "M4-78")
def test_bodies_fit_the_providers_own_description(merchant):
    direct = merchant.full(CountryCode=None, CurrencyCode=None)
    link = merchant.body(ConsumerAlias=None, RedirectUrl="https://shop.example/")
    sent = merchant.post("/invoices", direct).json()
    linked = merchant.post("/invoices/link", link).json()
    invoice = f"/invoices/{sent['InvoiceId']}"

    checks = [
        ("Models.Invoice.InvoiceInputModel", direct),
        ("Models.Invoice.InvoiceLinkInputModel", link),
        ("Models.Invoice.InvoiceResultModel", sent),
        ("Models.Invoice.InvoiceLinkResultModel", linked),
        ("Models.Invoice.InvoiceStatusResultModel", merchant.get(f"{invoice}/status").json()),
        ("Models.Invoice.InvoiceContext.InvoiceDetailsModel", merchant.get(invoice).json()),
        ("Models.Invoice.InvoiceIssuersResultModel", merchant.get("/invoiceissuers").json()),
        ("Models.Invoice.MerchantUserMerchant", merchant.get(f"{API}/merchants/me").json()),
        ("Middleware.Models.ErrorDetails", merchant.post("/invoices", direct).json()),
    ]
    assert [openapi.faults(f"RestAPI.{model}", body) for model, body in checks] == [[]] * 9
    assert openapi.faults("RestAPI.Models.Invoice.InvoiceInputModel", {"Strange": 1})


@pytest.mark.requirement("M1-59", "M1-60", "M4-63", "M4-64")
@pytest.mark.parametrize(
    ("path", "word", "number"),
    [
        ([], "created", "1"),
        (["accepted"], "accepted", "1"),
        (["accepted", "paid"], "paid", "2"),
        (["rejected"], "rejected", "3"),
        (["expired"], "expired", "4"),
        (["canceled"], "canceled", "canceled"),
    ],
)
def test_status_is_a_word_and_at_first_was_a_number(merchant, path, word, number):
    invoice = moved(made(merchant), *path)

    now = merchant.get(f"/invoices/{invoice.invoice_id}/status").json()
    merchant.set(profile="v1")
    first = merchant.get(f"/invoices/{str(invoice.invoice_id).upper()}/status").json()

    assert now == {"InvoiceId": str(invoice.invoice_id), "Status": word}
    assert first["Status"] == number


def test_pending_invoice_cannot_be_read_or_taken_back_yet(merchant):
    merchant.set(validation_delay=60)
    invoice = made(merchant)

    early = merchant.get(f"/invoices/{invoice.invoice_id}/status")
    cancelled = merchant.put(f"/invoices/{invoice.invoice_id}/cancel")
    clock.push(timedelta(seconds=61))
    late = merchant.get(f"/invoices/{invoice.invoice_id}/status")

    assert (early.status_code, early.content) == (404, b"")
    assert (cancelled.status_code, cancelled.json()["error_code"]) == (409, "10505")
    assert late.json()["Status"] == "created"


@pytest.mark.parametrize("known", ["not-a-guid", "1f552e61-57fb-46c8-966f-6cc43a913b03"])
@pytest.mark.parametrize("call", ["", "/status", "/cancel"])
def test_unknown_invoice_is_an_empty_404(merchant, known, call):
    send = merchant.put if call == "/cancel" else merchant.get

    answer = send(f"/invoices/{known}{call}")

    assert (answer.status_code, answer.content) == (404, b"")


def test_data_of_an_expired_link_is_gone_and_a_direct_ones_is_not(merchant):
    link = moved(made(merchant, "/invoices/link"), "expired")
    direct = moved(made(merchant), "expired")

    assert merchant.get(f"/invoices/{link.invoice_id}").status_code == 404
    assert merchant.get(f"/invoices/{link.invoice_id}/status").status_code == 404
    assert merchant.get(f"/invoices/{direct.invoice_id}/status").json()["Status"] == "expired"


@pytest.mark.requirement("M4-57", "M4-71")
@pytest.mark.parametrize("path", [[], ["accepted"]])
def test_cancel_takes_back_what_is_not_paid(merchant, path):
    invoice = moved(made(merchant), *path)

    answer = merchant.put(f"/invoices/{invoice.invoice_id}/cancel")

    assert (answer.status_code, answer.content) == (204, b"")
    event = AppEvent.objects.latest("pk")
    assert (event.payload["Status"], event.payload["Sequence"]) == ("Canceled", len(path) + 2)


@pytest.mark.requirement("M4-58", "M4-59", "M4-60", "M4-99")
@pytest.mark.parametrize(
    ("path", "code"),
    [(["paid"], "10504"), (["rejected"], "10505"), (["expired"], "10505"), (["canceled"], "10505")],
)
def test_cancel_meets_a_final_state(merchant, path, code):
    invoice = moved(made(merchant), *path)
    events = AppEvent.objects.count()

    answer = merchant.put(f"/invoices/{invoice.invoice_id}/cancel")

    assert answer.status_code == 409
    assert (answer.json()["error"], answer.json()["error_code"]) == ("DomainError", code)
    assert AppEvent.objects.count() == events


@pytest.mark.requirement("M4-79")
def test_correlation_id_comes_back_and_is_logged(merchant):
    mine = str(uuid.uuid4())

    told = merchant.post("/invoices", {}, CorrelationId=mine).json()["correlation_id"]
    fresh = merchant.post("/invoices", {}).json()["correlation_id"]

    assert told == mine
    assert is_guid(fresh)
    call = Call.objects.earliest("pk")
    assert (call.provider, call.endpoint, call.key, call.status, call.body) == (
        "mobilepay",
        "create",
        mine,
        400,
        "{}",
    )
    assert call.account == str(merchant.portal.merchant.merchant_id)


def test_token_and_gateway_keys_are_needed_on_every_call(merchant):
    merchant.token = "spoilt"

    answer = merchant.get("/invoiceissuers")

    assert answer.status_code == 401
    assert set(answer.json()) == {"httpCode", "httpMessage", "moreInformation"}
    assert Call.objects.get().status == 401


@pytest.mark.requirement("M1-09")
def test_app_without_the_product_is_refused_by_the_gateway(merchant):
    merchant.portal.app.has_invoice_product = False
    merchant.portal.app.save()

    answer = merchant.post("/invoices", merchant.body())

    assert (answer.status_code, answer.json()["httpCode"]) == (403, "403")
    assert AppInvoice.objects.count() == 0


@pytest.mark.requirement("M4-93")
def test_another_merchants_path_is_refused(merchant):
    other = new_merchant("DK11111111")

    created = merchant.post(f"{other.home}/invoices", merchant.body())
    read = merchant.get(f"{other.home}/invoiceissuers")

    assert (created.status_code, created.json()["error_code"]) == (409, "10302")
    assert (read.status_code, read.content) == (404, b"")


def test_another_merchants_invoice_is_not_found(merchant):
    invoice = made(new_merchant("DK11111111"))

    assert merchant.get(f"/invoices/{invoice.invoice_id}").status_code == 404


@pytest.mark.requirement("M4-82")
@pytest.mark.parametrize(("kind", "kept"), [("error_before", 0), ("error_after", 1)])
def test_fault_500_speaks_the_providers_words(merchant, kind, kept):
    account = str(merchant.portal.merchant.merchant_id)
    Fault.objects.create(
        provider="mobilepay", account=account, endpoint="create", kind=kind, remaining=1
    )

    answer = merchant.post("/invoices", merchant.body())

    assert answer.status_code == 500
    assert (answer.json()["error"], answer.json()["error_code"]) == ("ServerError", None)
    assert AppInvoice.objects.count() == kept
    assert merchant.post("/invoices", merchant.body()).status_code == 200


def test_fault_429_comes_from_the_gateway(merchant):
    Fault.objects.create(
        provider="mobilepay", kind="rate_limited", seconds=7, retry_after="seconds", remaining=1
    )

    answer = merchant.get("/invoiceissuers")

    assert (answer.status_code, answer["Retry-After"]) == (429, "7")
    assert answer.json()["httpCode"] == "429"


@pytest.mark.requirement("M4-100")
@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [("10999", 0, (409, "10999")), ("DueDate", 0, (400, None)), ("", 403, (403, None))],
)
def test_fault_refuses_with_any_code(merchant, code, status, expected):
    Fault.objects.create(provider="mobilepay", kind="refuse", code=code, status=status)

    answer = merchant.post("/invoices", merchant.body())

    assert (answer.status_code, answer.json().get("error_code")) == expected


def test_methods_and_bodies_nobody_documented(merchant):
    assert merchant.put("/invoices").status_code == 404
    assert merchant.post("/invoices", "{nonsense").status_code == 400
    assert merchant.post("/invoices", '{"TotalAmount": NaN}').status_code == 400
    plain = merchant.client.post(
        f"{merchant.home}/invoices", "x=1", content_type="text/plain", headers=merchant.headers()
    )
    assert plain.status_code == 415


def test_moves_follow_the_table(merchant):
    link = made(merchant, "/invoices/link")

    assert not lifecycle.can_move(link, Status.REJECTED)
    assert lifecycle.can_move(moved(link, "accepted"), Status.REJECTED)
    paid = moved(made(merchant), "paid")
    assert [status for status in Status.values if lifecycle.can_move(paid, status)] == []
    with pytest.raises(lifecycle.NotPossible):
        lifecycle.move(paid, Status.CANCELED, clock.now())


def test_moments_have_seven_digits_and_an_offset():
    moment = datetime(2023, 5, 4, 9, 12, 44, 183440, tzinfo=UTC)

    assert lifecycle.stamp(moment, 17) == "2023-05-04T09:12:44.1834407+00:00"


def test_accepted_event_tells_the_payment_date(merchant):
    invoice = made(merchant, ConsumerAlias=alias("+4512345678"))
    with transaction.atomic():
        locked = lifecycle.locked(invoice.pk)
        event = lifecycle.move(
            locked, Status.ACCEPTED, clock.now(), payment_date=lifecycle.last_day(locked)
        )

    assert event.payload["PaymentDate"] == day(44)
