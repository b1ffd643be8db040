"""The settings form of MobilePay Invoice accounts."""

import json
from typing import Any

import pytest

from providers.mobilepay_invoice import terms
from providers.mobilepay_invoice.forms import MobilePayInvoiceForm
from tests.providers import mobilepay_samples as samples

TYPED = {
    "country": "DK",
    "vat_number": "DK31415926",
    "client_id": "backoffice.test",
    "client_secret": "s3cret",
    "gateway_id": "gw-1",
    "gateway_secret": "gw-s3cret",
    "profile": "1.5",
    "cap": "",
    "per_payer_daily": "",
    "per_issuer_daily": "",
    "callback_scheme": "basic",
}


def form(initial: dict[str, Any] | None = None, **changes: str) -> MobilePayInvoiceForm:
    return MobilePayInvoiceForm(TYPED | changes, initial=initial or {})


@pytest.mark.requirement("M1-08", "M1-14")
def test_good_input_is_split_into_credentials_and_settings():
    good = form(cap="300000.00", per_payer_daily="7")

    assert good.is_valid(), good.errors
    assert good.credentials() == {
        "client_id": "backoffice.test",
        "client_secret": "s3cret",
        "gateway_id": "gw-1",
        "gateway_secret": "gw-s3cret",
    }
    assert good.kept_settings() == {
        "country": "DK",
        "vat_number": "DK31415926",
        "profile": "1.5",
        "cap": "300000.00",
        "per_payer_daily": "7",
        "per_issuer_daily": "",
        "callback_scheme": "basic",
    }


@pytest.mark.requirement("M4-108")
@pytest.mark.parametrize(
    ("typed", "limits"),
    [
        ({}, ("15000.00", 10, None)),
        ({"profile": "1.4"}, ("15000.00", 3, 5000)),
        ({"profile": "1.4", "country": "FI", "vat_number": "FI12345678"}, ("500.00", 3, 5000)),
        ({"cap": "300000", "per_payer_daily": "0", "per_issuer_daily": "9"}, ("300000", None, 9)),
    ],
)
def test_what_is_kept_gives_the_limits(typed, limits):
    good = form(**typed)
    assert good.is_valid(), good.errors

    kept = json.loads(json.dumps(good.kept_settings()))
    found = terms.of(samples.account(**kept))

    assert (str(found.cap), found.per_payer_daily, found.per_issuer_daily) == limits


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("country", "NO"),
        ("vat_number", "DK3141592"),
        ("vat_number", "SE31415926"),
        ("vat_number", "FI31415926"),
        ("client_id", ""),
        ("client_secret", "has a blank"),
        ("gateway_id", ""),
        ("gateway_secret", ""),
        ("profile", "1.6"),
        ("cap", "-1"),
        ("cap", "1.234"),
        ("per_payer_daily", "-1"),
        ("per_issuer_daily", "many"),
        ("callback_scheme", "hmac"),
    ],
)
def test_bad_input_names_its_field(name, value):
    assert list(form(**{name: value}).errors) == [name]


def test_keys_of_the_app_may_both_be_missing():
    assert form(gateway_id="", gateway_secret="").is_valid()


def test_number_is_read_as_people_write_it():
    good = form(vat_number="dk 31 41 59 26")

    assert good.is_valid()
    assert good.kept_settings()["vat_number"] == "DK31415926"


def test_stored_keys_are_kept_when_nothing_is_typed_and_never_shown():
    stored = {"client_secret": "stored-one", "gateway_secret": "stored-two"}
    changed = form(stored, client_secret="", gateway_secret="")

    assert changed.is_valid()
    assert changed.credentials()["client_secret"] == "stored-one"
    assert "stored-one" not in changed.as_p()
    assert "stored-two" not in changed.as_p()


@pytest.mark.requirement("M4-97", "M4-98")
@pytest.mark.parametrize("name", ["per_payer_daily", "per_issuer_daily"])
def test_limits_say_the_last_day_on_which_the_old_ones_held(name):
    """The new ones came on 17 February 2020."""
    assert "until 16 February 2020" in str(MobilePayInvoiceForm().fields[name].help_text)
