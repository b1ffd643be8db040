"""The customer's page: what it says, to whom, in which language, and what it never does."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import timezone

from invoices.models import Invoice, PaymentRequest
from invoices.rendering import page
from providers.contract import RequestState
from providers.models import ProviderAccount
from tests import factories

BUDGET = 30 * 1024


def address(invoice: Invoice, rest: str = "") -> str:
    return f"/i/{invoice.token}/{rest}"


def words(response) -> str:
    """Return what a reader reads: no markup, every kind of blank as one blank."""
    text = re.sub(r"<(svg|head)\b.*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"[\s\u00a0\u202f]+", " ", text)


def request_in(invoice: Invoice, state: str, **values) -> PaymentRequest:
    """Give the invoice a newest payment request in a state."""
    request = PaymentRequest.objects.create(
        invoice=invoice,
        document=invoice.versions.get(version=1),
        account=ProviderAccount.objects.get(),
        channel="link",
        state=state,
        attempt=invoice.requests.count() + 1,
        reference=f"ref-{invoice.pk}-{invoice.requests.count() + 1}",
        amount=invoice.residual,
        currency=invoice.currency,
        **values,
    )
    Invoice.objects.filter(pk=invoice.pk).update(latest_request=request)
    return request


# ------------------------------------------------------------------------------------ what it says
@pytest.mark.requirement("V-03", "V-05")
def test_page_says_what_who_how_much_and_by_when(visitor, invoice):
    text = words(visitor.get(address(invoice)))

    for wanted in (
        "Faktura 1", "Fjord og Fjell Oslo", "Fjord og Fjell AS", "Ola Nordmann", "NOK 2 453,06",
        "Betales innen 5. desember", "Hour of work", "2 timer \u00d7 900,00", "1 800,00",
        "Mva. 25 % 1 800,00 450,00", "Org.nr. 923 609 016 MVA, Foretaksregisteret",
        "8601.11.17947", "Betal med Vipps MobilePay", "Åpne som PDF",
    ):  # fmt: skip
        assert wanted in text


@pytest.mark.parametrize(
    ("lang", "headline"),
    [
        ("en", "To pay by 5 December"),
        ("nb", "Betales innen 5. desember"),
        ("da", "Betales senest 5. december"),
        ("sv", "Betalas senast 5 december"),
        ("fi", "Maksettava viimeistään 5. joulukuuta"),
    ],
)
def test_page_speaks_the_language_asked_for_without_a_cookie(visitor, invoice, lang, headline):
    response = visitor.get(address(invoice, f"?lang={lang}"))

    assert headline in words(response)
    assert f'<html lang="{lang}">' in response.content.decode()
    assert response.headers["Content-Language"] == lang
    assert f"?lang={lang}" in re.findall(r'action="([^"]+)"', response.content.decode())[0]


def test_unknown_language_falls_back_to_the_documents(visitor, invoice):
    assert '<html lang="nb">' in visitor.get(address(invoice, "?lang=xx")).content.decode()


def test_browser_language_does_not_override_the_documents(visitor, invoice):
    response = visitor.get(address(invoice), headers={"Accept-Language": "fi"})

    assert '<html lang="nb">' in response.content.decode()


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (RequestState.CREATED, "Venter på deg i appen."),
        (RequestState.REJECTED, "Du avviste denne forespørselen. Du kan fortsatt betale her."),
        (RequestState.EXPIRED, "Denne forespørselen har utløpt. Du kan fortsatt betale her."),
    ],
)
def test_open_states_say_what_happened_and_still_offer_to_pay(visitor, invoice, state, wanted):
    request_in(invoice, state)

    text = words(visitor.get(address(invoice)))

    assert wanted in text
    assert "Betal med Vipps MobilePay" in text


def test_approved_thanks_and_offers_nothing_more(visitor, invoice):
    request_in(invoice, RequestState.ACCEPTED)

    text = words(visitor.get(address(invoice)))

    assert "Godkjent, takk" in text
    assert "Betal med" not in text


@pytest.mark.requirement("V-34")
def test_paid_shows_a_receipt_and_no_button(visitor, invoice):
    request = request_in(invoice, RequestState.PAID)
    invoice.movements.create(
        request=request, account=request.account, kind="captured", amount=invoice.total,
        currency="NOK", provider_ref="psp-1", source="poll",
        occurred_at=factories.NOW, recorded_at=factories.NOW,
    )  # fmt: skip
    Invoice.objects.filter(pk=invoice.pk).update(
        status="paid", residual=Decimal("0.00"), paid_at=factories.NOW
    )

    text = words(visitor.get(address(invoice)))

    assert "Betalt 21. november 2026" in text
    assert f"NOK 2 453,06 Vipps MobilePay {request.reference}" in text
    assert "Denne siden er kvitteringen din" in text
    assert "Betal med" not in text


def test_refunded_and_cancelled_say_so(visitor, invoice):
    invoice.movements.create(
        kind="refunded", amount=Decimal("100.00"), currency="NOK", provider_ref="r-1",
        source="poll", occurred_at=factories.NOW, recorded_at=factories.NOW,
    )  # fmt: skip
    Invoice.objects.filter(pk=invoice.pk).update(status="partially_refunded")
    assert "NOK 100,00 er betalt tilbake til deg" in words(visitor.get(address(invoice)))

    Invoice.objects.filter(pk=invoice.pk).update(status="cancelled")
    text = words(visitor.get(address(invoice)))
    assert "Kansellert, ingenting å betale" in text
    assert "Betal med" not in text


def test_overdue_and_part_paid_say_so(visitor, invoice):
    Invoice.objects.filter(pk=invoice.pk).update(
        due_date=timezone.localdate() - timedelta(days=400), residual=Decimal("1000.00")
    )

    text = words(visitor.get(address(invoice)))

    assert "Forfalt" in text
    assert "NOK 1 000,00" in text
    assert "NOK 1 453,06 er allerede betalt." in text


# -------------------------------------------------------------------------------------- the opt-in
@pytest.mark.requirement("V-29", "V-36")
def test_sharing_is_a_choice_never_made_beforehand(visitor, invoice):
    account = ProviderAccount.objects.get()
    Invoice.objects.filter(pk=invoice.pk).update(link_channel=f"{account.pk}:link_phone")

    html = visitor.get(address(invoice)).content.decode()
    boxes = re.findall(r"<input[^>]*>", html)

    assert boxes == ['<input type="checkbox" name="share_phone" value="yes">']


@pytest.mark.requirement("V-39")
def test_after_declining_to_share_paying_without_is_offered_at_once(visitor, invoice):
    account = ProviderAccount.objects.get()
    Invoice.objects.filter(pk=invoice.pk).update(link_channel=f"{account.pk}:link_phone")
    request_in(invoice, RequestState.REJECTED, share_phone=True)

    response = visitor.get(address(invoice))

    assert "Du delte ikke nummeret ditt, og ingenting ble lagret." in words(response)
    assert "share_phone" not in response.content.decode()
    assert "Betal med Vipps MobilePay" in words(response)


# ------------------------------------------------------------------------------- what it never does
@pytest.mark.requirement("V-04", "V-05")
def test_page_sets_no_cookie_and_loads_nothing_from_others(visitor, invoice):
    response = visitor.get(address(invoice))
    html = response.content.decode()

    assert response.cookies == {}
    assert "Cookie" not in response.headers.get("Vary", "")
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*', html) == []
    assert "<script" not in html
    assert " style=" not in html
    assert "target=" not in html


def test_headers_keep_the_address_to_itself(visitor, invoice):
    for path in ("", "pdf", "return/"):
        headers = visitor.get(address(invoice, path)).headers

        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"].startswith("private, no-")
    policy = dict(
        part.strip().split(" ", 1)
        for part in visitor.get(address(invoice)).headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["form-action"].split()[:2] == ["'self'", "https:"]
    assert policy["frame-ancestors"] == ("'self'" if settings.SANDBOX else "'none'")


@pytest.mark.parametrize("count", [3, 40, 400])
def test_page_and_its_stylesheet_stay_under_30_kilobytes(visitor, invoice, count):
    lines = [factories.line(description=f"Hour of work number {n}") for n in range(count)]
    large = factories.issued(issuer=invoice.issuer, lines=lines)
    css = (settings.BASE_DIR / "static" / "css" / "hosted.css").stat().st_size

    assert len(visitor.get(address(large)).content) + css < BUDGET


def test_long_invoice_shows_the_rest_on_a_press(visitor, invoice):
    lines = [factories.line(description=f"Hour number {n:03}") for n in range(60)]
    large = factories.issued(issuer=invoice.issuer, lines=lines)

    short = visitor.get(address(large)).content.decode()
    link = re.findall(r'href="(\?all=1[^"]*)"', short)[0].replace("&amp;", "&")
    full = visitor.get(address(large, link)).content.decode()

    assert (short.count("Hour number"), full.count("Hour number")) == (40, 60)


HOSTILE = '<script>alert(1)</script>{{ 7|add:"7" }}\u202e"><img src=x onerror=alert(1)>'


def test_hostile_text_is_text(visitor, invoice):
    other = factories.issued(
        issuer=invoice.issuer,
        lines=[factories.line(description=HOSTILE)],
        comment=HOSTILE,
        subject=HOSTILE[:200],
        customer=factories.CustomerFactory(merchant=invoice.merchant, name=HOSTILE[:200]),
    )

    html = visitor.get(address(other)).content.decode()

    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7|add:" in html


def test_large_logo_is_made_small_or_left_out():
    noise = "data:image/png;base64," + "A" * 100_000

    assert page.small_logo(noise) == ""
