"""Thousands of invoices in one call, and calls that go wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from providers.contract import (
    InvoiceDocument,
    NotAuthorised,
    OutcomeUnknown,
    ProviderError,
    Refused,
    RequestState,
    SendOptions,
    Sent,
    Unavailable,
)
from providers.mobilepay_invoice.adapter import MobilePayInvoice
from providers.sandbox.models import PortalMerchant
from tests.contract.mobilepay import (  # noqa: F401 -- fixtures
    PAYER,
    Calls,
    Shop,
    fixture_calls,
    fixture_open_shop,
    fixture_shop,
)
from tests.providers import samples

Item = tuple[InvoiceDocument, SendOptions]


def batch(shop: Shop, count: int, channel: str = "direct", **changes: Any) -> list[Item]:
    """That many decided requests, each to a payer of its own."""
    items = []
    mobilepay = shop.mobilepay
    for n in range(count):
        phone = f"+45{20_000_000 + n}" if channel == "direct" else ""
        options = shop.options(channel, **{"phone": phone} | changes)
        document = shop.invoice()
        items.append((document, replace(options, prepared=mobilepay.prepare(document, options))))
    return items


def told(results: Sequence[Sent | ProviderError]) -> list[str]:
    return [
        "sent" if isinstance(result, Sent) else f"{type(result).__name__} {result.code}".strip()
        for result in results
    ]


# --------------------------------------------------------------------------------------- batches
@pytest.mark.requirement("M4-40", "M4-42", "M1-26")
@pytest.mark.parametrize("profile", ["1.5", "1.4", "v1"])
def test_mixed_batch_is_matched_by_number(open_shop: Any, profile: str):
    shop = open_shop(profile=profile)
    good = batch(shop, 2)
    unknown_payer = batch(shop, 1, phone="+4511910101")
    technical = batch(shop, 1, phone="+4511910105")

    results = shop.mobilepay.send_many([good[0], *unknown_payer, *technical, good[1]])

    assert told(results) == ["sent", "Refused 10101", "OutcomeUnknown 10105", "sent"]
    held = {row["invoiceId"]: row["number"] for row in shop.held()}
    ids = {r.provider_id: i[0].number for r, i in zip([results[0], results[3]], good, strict=True)}
    assert held == ids


@pytest.mark.requirement("M4-41", "M1-26")
def test_two_thousand_go_in_one_call(shop: Shop, calls: Calls):
    items = batch(shop, MobilePayInvoice.batch_size)

    begun = time.monotonic()
    results = shop.mobilepay.send_many(items)
    seconds = time.monotonic() - begun

    assert told(results) == ["sent"] * 2000
    assert len([path for path in calls.paths() if path.endswith("/batch")]) == 1
    assert len({result.provider_id for result in results if isinstance(result, Sent)}) == 2000
    assert seconds < 15


@pytest.mark.requirement("M4-41")
def test_one_more_than_they_take_is_refused_and_nothing_is_made(shop: Shop):
    items = batch(shop, 1)
    many = [items[0]] + [(shop.invoice(), items[0][1]) for _ in range(2000)]

    results = shop.mobilepay.send_many(many)

    assert set(told(results)) == {"Refused"}
    assert shop.held() == []


@pytest.mark.requirement("M4-44", "M4-66")
def test_taken_item_turns_invalid_later(shop: Shop):
    (result,) = shop.mobilepay.send_many(batch(shop, 1, phone="+4511810101"))
    shop.control("deliver")

    assert isinstance(result, Sent)
    assert result.state == RequestState.SUBMITTED
    (change,) = shop.mobilepay.fetch(result.provider_id)
    assert change.state == RequestState.INVALID


@pytest.mark.requirement("M4-54", "M4-55")
def test_links_of_a_batch_are_not_in_the_answer(shop: Shop, calls: Calls):
    results = shop.mobilepay.send_many(batch(shop, 2, "link"))

    assert [r.redirect_url for r in results if isinstance(r, Sent)] == ["", ""]
    assert [r.extra["waits_for_link"] for r in results if isinstance(r, Sent)] == [True, True]
    assert calls.paths()[-1] == "POST /api/v1/merchants/-/invoices/link/batch"


# ---------------------------------------------------------------------------- repeats and doubt
LOST = ["error_after", "timeout_after", "drop_after", "cut_after", "truncated_json"]


@pytest.mark.requirement("M4-45", "M4-82", "M4-86")
@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("channel", ["direct", "link"])
def test_lost_answer_is_followed_by_a_refused_duplicate(
    shop: Shop, settings: Any, kind: str, channel: str
):
    settings.PROVIDER_TIMEOUT = (2.0, 1.0)
    item = shop.prepared(shop.invoice(), shop.options(channel))
    shop.spoil("create" if channel == "direct" else "create_link", kind, seconds=2.0)

    with pytest.raises(OutcomeUnknown):
        shop.mobilepay.send(*item)
    with pytest.raises(Refused) as caught:
        shop.mobilepay.send(*item)

    assert caught.value.code in MobilePayInvoice.duplicate_codes
    assert [row["number"] for row in shop.held()] == [item[0].number]


@pytest.mark.requirement("M4-45", "M4-86")
def test_id_that_was_lost_is_found_by_its_details(shop: Shop):
    document, options = shop.prepared(shop.invoice(), shop.options())
    shop.spoil("create", "error_after")
    with pytest.raises(OutcomeUnknown):
        shop.mobilepay.send(document, options)

    (row,) = shop.held()
    found = shop.mobilepay.identify(row["invoiceId"])

    assert (found.number, found.issuer_id, found.amount) == (
        document.number,
        shop.issuer,
        options.amount,
    )


@pytest.mark.requirement("M4-45")
@pytest.mark.parametrize("kind", ["error_after", "drop_after", "truncated_json"])
def test_lost_batch_is_repeated_and_nothing_is_doubled(shop: Shop, kind: str):
    items = batch(shop, 5)
    shop.spoil("create_batch", kind)

    with pytest.raises(OutcomeUnknown):
        shop.mobilepay.send_many(items)
    again = shop.mobilepay.send_many(items)

    assert told(again) == ["Refused 10104"] * 5
    assert len(shop.held()) == 5


@pytest.mark.requirement("M4-82")
@pytest.mark.parametrize("kind", ["error_before", "drop_before", "html"])
def test_try_that_never_arrived_may_be_repeated(shop: Shop, kind: str):
    item = shop.prepared(shop.invoice(), shop.options())
    shop.spoil("create", kind)

    with pytest.raises(OutcomeUnknown):
        shop.mobilepay.send(*item)

    assert shop.mobilepay.send(*item).provider_id
    assert len(shop.held()) == 1


def test_too_many_calls_wait_as_long_as_they_say(shop: Shop):
    shop.spoil("create", "rate_limited", retry_after="seconds", seconds=7)

    with pytest.raises(Unavailable) as caught:
        shop.send()

    assert caught.value.retry_after == 7


# ------------------------------------------------------------------------------------- refusals
@pytest.mark.requirement("M4-87")
def test_repeat_may_be_judged_by_the_rules_first(shop: Shop):
    """Then the day's limit hides that the first try had arrived."""
    item = shop.prepared(shop.invoice(), shop.options())
    shop.control("merchant", merchantId=shop.id, rules_before_duplicates=True)
    shop.mobilepay.send(*item)
    PortalMerchant.objects.update(per_payer_daily=1)

    with pytest.raises(Unavailable) as caught:
        shop.mobilepay.send(*item)
    shop.control("merchant", merchantId=shop.id, rules_before_duplicates=False)
    with pytest.raises(Refused) as repeated:
        shop.mobilepay.send(*item)

    assert (caught.value.code, repeated.value.code) == ("10314", "10104")


@pytest.mark.requirement("M4-87")
@pytest.mark.parametrize(
    "failure",
    [{"code": "10105"}, {"status": 503, "retry_after": "seconds", "seconds": 5}],
)
def test_failure_after_the_effect_is_no_promise(shop: Shop, failure: dict[str, Any]):
    """The repeat is refused as a duplicate: the first try had arrived, whatever they said."""
    item = shop.prepared(shop.invoice(), shop.options())
    shop.spoil("create", "error_after", **failure)

    with pytest.raises(OutcomeUnknown):
        shop.mobilepay.send(*item)
    with pytest.raises(Refused) as caught:
        shop.mobilepay.send(*item)

    assert caught.value.code in shop.mobilepay.duplicate_codes
    assert len(shop.held()) == 1


@pytest.mark.requirement("M4-78", "M4-81", "M4-100")
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("10101", Refused),
        ("10102", Refused),
        ("10103", Refused),
        ("10105", OutcomeUnknown),
        ("10106", Refused),
        ("10204", Refused),
        ("10304", Refused),
        ("10205", OutcomeUnknown),
        ("10302", Refused),
        ("10303", Refused),
        ("10313", Unavailable),
        ("10314", Unavailable),
        ("10999", Refused),
    ],
)
def test_every_code_has_its_kind_words_and_correlation_id(
    shop: Shop, calls: Calls, code: str, kind: type[ProviderError]
):
    shop.spoil("create", "refuse", code=code)

    with pytest.raises(ProviderError) as caught:
        shop.send()

    assert (type(caught.value), caught.value.code) == (kind, code)
    assert str(caught.value.meaning)
    assert caught.value.correlation_id == calls.sent[-1].headers["CorrelationId"]


@pytest.mark.requirement("M4-80", "M4-78")
def test_input_error_marks_our_field(shop: Shop):
    shop.spoil("create", "refuse", code="DueDate")

    with pytest.raises(Refused) as caught:
        shop.send()

    assert (caught.value.status, caught.value.code, caught.value.field) == (400, "", "due_date")


@pytest.mark.requirement("M4-98")
@pytest.mark.parametrize(("profile", "most"), [("1.5", 10), ("1.4", 3)])
def test_one_invoice_more_than_a_payer_may_get_waits_for_tomorrow(
    open_shop: Any, profile: str, most: int
):
    shop = open_shop(profile=profile)
    for _ in range(most):
        shop.send()

    with pytest.raises(Unavailable) as caught:
        shop.send()

    assert caught.value.code == "10314"
    assert caught.value.retry_after is not None
    assert 300 <= caught.value.retry_after <= 25 * 3600 + 300


@pytest.mark.requirement("M4-90", "M4-106")
def test_amount_above_the_cap_is_refused_there_too(shop: Shop):
    gross = Decimal("15000.01")
    line = samples.line(
        quantity=Decimal(1),
        unit_price=gross,
        vat_rate=Decimal(0),
        net=gross,
        vat=Decimal("0.00"),
        gross=gross,
    )
    shop.account.settings = dict(shop.account.settings) | {"cap": "300000"}
    shop.account.save()

    with pytest.raises(Refused) as caught:
        shop.mobilepay.send(shop.invoice(lines=(line,)), shop.options(amount=gross))

    assert caught.value.code == "10201"


@pytest.mark.requirement("M1-06")
def test_tokens_of_the_sandbox_leave_for_no_other_address(shop: Shop, calls: Calls):
    shop.send()
    before = len(calls.sent)
    shop.account.environment = "production"
    shop.account.save()

    with pytest.raises(NotAuthorised):
        shop.send()

    assert len(calls.sent) == before
