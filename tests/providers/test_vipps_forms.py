"""The account's settings form."""

from typing import Any

import pytest

from providers.vipps_mobilepay.forms import VippsMobilePayForm

TYPED = {
    "msn": "123456",
    "client_id": "fb492b5e",
    "client_secret": "Y8Kteew6GE3ZmeycEt6egg==",
    "subscription_key": "0f14ebcab0ec",
    "market": "NO",
    "push_approved": "on",
    "ceiling_hours": "24",
    "receipt_mode": "lines",
    "installation": "acme",
}


def form(initial: dict[str, Any] | None = None, **changes: str) -> VippsMobilePayForm:
    return VippsMobilePayForm(TYPED | changes, initial=initial or {})


def test_good_input_is_split_into_credentials_and_settings():
    good = form()

    assert good.is_valid(), good.errors
    assert good.credentials() == {
        "client_id": "fb492b5e",
        "client_secret": "Y8Kteew6GE3ZmeycEt6egg==",
        "subscription_key": "0f14ebcab0ec",
        "subscription_key_2": "",
        "msn": "123456",
    }
    assert good.kept_settings() == {
        "market": "NO",
        "push_approved": True,
        "long_living_approved": False,
        "ceiling_hours": 24,
        "receipt_mode": "lines",
        "partial_capture": False,
        "order_management": False,
        "installation": "acme",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("msn", "12"),
        ("msn", "12345678901"),
        ("msn", "12a456"),
        ("client_secret", ""),
        ("client_id", "has a blank"),
        ("subscription_key", "nøkkel"),
        ("market", "SE"),
        ("ceiling_hours", "25"),
        ("ceiling_hours", "0"),
        ("receipt_mode", "both"),
        ("installation", "1acme"),
        ("installation", "acme/shop"),
    ],
)
def test_bad_input_names_its_field(name, value):
    assert name in form(**{name: value}).errors


def test_longer_ceiling_is_fine_outside_norway():
    assert form(market="DK", ceiling_hours="1440").is_valid()
    assert not form(market="DK", ceiling_hours="1441").is_valid()


def test_stored_secret_is_kept_when_nothing_is_typed():
    changed = form({"client_secret": "stored"}, client_secret="")

    assert changed.is_valid()
    assert changed.credentials()["client_secret"] == "stored"


def test_stored_secret_is_never_written_into_the_page():
    html = VippsMobilePayForm(initial={"client_secret": "stored-secret", "msn": "123456"}).as_div()

    assert "stored-secret" not in html
    assert "123456" in html
