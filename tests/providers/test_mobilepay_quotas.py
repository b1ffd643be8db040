"""Which daily limits a request counts against."""

import pytest

from providers.contract import Quota
from providers.mobilepay_invoice.quotas import quotas
from tests.providers.mobilepay_documents import ISSUER, document, options, terms


@pytest.mark.requirement("M4-97", "M4-98", "M4-109", "M4-110")
def test_direct_of_1_4_counts_per_payer_and_per_sender():
    assert quotas(document(), options(phone="11 22 33 44"), terms("1.4")) == [
        Quota(
            scope="payer:+4511223344",
            label="Invoices to this customer today",
            limit=3,
            zone="Europe/Copenhagen",
            code="10314",
        ),
        Quota(
            scope=f"issuer:{ISSUER}",
            label="Invoices from this sender today",
            limit=5000,
            zone="Europe/Copenhagen",
            code="10313",
        ),
    ]


@pytest.mark.requirement("M4-108", "M4-110")
@pytest.mark.parametrize(
    ("profile", "country", "expected"),
    [
        ("v1", "DK", []),
        ("1.4", "FI", [("10314", 3, "Europe/Helsinki"), ("10313", 5000, "Europe/Helsinki")]),
        ("1.5", "FI", [("10314", 10, "Europe/Helsinki")]),
        ("1.5", "DK", [("10314", 10, "Europe/Copenhagen")]),
    ],
)
def test_limits_follow_documentation_and_country(profile, country, expected):
    found = quotas(document(), options(phone="+358401234567"), terms(profile, country))

    assert [(quota.code, quota.limit, quota.zone) for quota in found] == expected


def test_a_link_counts_against_nothing():
    assert quotas(document(), options(channel="link", phone="+4511223344"), terms("1.4")) == []


def test_an_account_s_own_limits_count():
    unit = terms("1.4", per_payer_daily=None, per_issuer_daily=7)

    assert [(q.scope, q.limit) for q in quotas(document(), options(), unit)] == [
        (f"issuer:{ISSUER}", 7)
    ]


def test_what_the_rules_refuse_counts_against_nothing():
    asked = options(phone="12", issuer_id="")

    assert quotas(document(), asked, terms("1.4")) == []
