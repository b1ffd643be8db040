"""The customer register: found, changed, and what customers agreed to."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from customers import consents, queries, validators
from customers.models import Customer
from invoicing_site.merchants.models import Role
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(client):
    membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


@pytest.fixture
def customer(member):
    return factories.CustomerFactory(merchant=member.merchant)


def url(name, member, *args):
    return reverse(name, args=[member.merchant.slug, *args])


@pytest.mark.parametrize(
    "text", ["+47 912 34 567", "0047 912 34 567", "4791234567", "912 34 567", "91234567"]
)
def test_phone_in_any_notation_is_one_number(text):
    """V-11."""
    assert validators.phone(text, "NO") == "+4791234567"


@pytest.mark.parametrize("text", ["12", "abc", "+47 123", "9" * 30])
def test_wrong_phone_names_value_and_remedy(text):
    with pytest.raises(ValidationError) as refused:
        validators.phone(text, "NO")

    assert text in refused.value.messages[0]
    assert "912 34 567" in refused.value.messages[0]


@pytest.mark.parametrize("text", ["nord", "OLA nordmann", "912 34 567", "+4791234567", "ola@"])
def test_search_finds_by_what_one_has(member, customer, text):
    factories.CompanyFactory(merchant=member.merchant, phone="+4722334455", city="Bergen")
    factories.CustomerFactory()

    assert queries.search(member.merchant, text) == [customer]


def test_pages_go_on_by_key(client, member):
    for number in range(queries.PAGE + 3):
        factories.CustomerFactory(merchant=member.merchant, name=f"Same {number % 2}")
    first = client.get(url("customer-list", member))

    second = client.get(url("customer-list", member), {"after": first.context["following"]})

    ids = [row.pk for row in [*first.context["rows"], *second.context["rows"]]]
    assert len(set(ids)) == queries.PAGE + 3


def test_customer_is_added_with_a_normal_number(client, member):
    answer = client.post(
        url("customer-new", member),
        {"kind": "private", "name": "Åse", "phone": "912 34 567", "country": "no",
         "language": "nb"},
    )  # fmt: skip

    made = Customer.objects.get()
    assert answer.status_code == 302
    assert (made.merchant, made.phone, made.country) == (member.merchant, "+4791234567", "NO")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("org_number", "123456789"),
        ("vat_number", "NO123"),
        ("phone", "12"),
        ("email", "nobody"),
        ("country", "Norway"),
    ],
)
def test_wrong_value_is_named_and_the_rest_is_kept(client, member, field, value):
    typed = {"kind": "corporate", "name": "Bø AS", "country": "NO", "language": "nb"}

    answer = client.post(url("customer-new", member), typed | {field: value})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert b"B\xc3\xb8 AS" in answer.content
    assert not Customer.objects.exists()


def test_typing_over_a_shared_number_makes_it_typed(client, member, customer):
    """V-42: what a provider vouched for and what somebody typed are told apart."""
    Customer.objects.filter(pk=customer.pk).update(phone_source="shared")

    client.post(
        url("customer-edit", member, customer.pk),
        {"kind": "private", "name": "Ola", "phone": "+4798765432", "country": "NO",
         "language": "nb"},
    )  # fmt: skip

    customer.refresh_from_db()
    assert (customer.phone, customer.phone_is_verified) == ("+4798765432", False)


def test_consent_is_recorded_and_withdrawn(client, member, customer):
    """V-09: how, when, by whom; withdrawal stops the next push."""
    when = timezone.localtime() - timedelta(days=1)
    client.post(
        url("customer-consent", member, customer.pk),
        {"phone": "912 34 567", "how": "Order form", "given_at": when.strftime("%Y-%m-%dT%H:%M")},
    )
    row = customer.consents.get()
    given = consents.has_consent(customer, "+4791234567")

    client.post(url("customer-consent-withdraw", member, customer.pk, row.pk), {"how": "By phone"})

    row.refresh_from_db()
    assert given is True
    assert (row.recorded_by, row.how) == (member.user, "Order form")
    assert consents.has_consent(customer, "+4791234567") is False
    assert "By phone" in row.withdrawn_how


def test_consent_from_the_future_is_refused(client, member, customer):
    later = (timezone.localtime() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")

    answer = client.post(
        url("customer-consent", member, customer.pk),
        {"phone": "912 34 567", "how": "x", "given_at": later},
    )

    assert answer.status_code == 422
    assert not customer.consents.exists()


@pytest.mark.parametrize(("take", "phone"), [("yes", "+4799999999"), ("no", "+4791234567")])
def test_staff_choose_between_two_numbers(client, member, customer, now, take, phone):
    """V-44."""
    row = customer.phone_proposals.create(
        phone="+4799999999", source_detail="Vipps", proposed_at=now
    )

    client.post(url("customer-phone-proposal", member, customer.pk, row.pk), {"take": take})

    customer.refresh_from_db()
    row.refresh_from_db()
    assert (customer.phone, row.taken) == (phone, take == "yes")
    assert customer.phone_is_verified is (take == "yes")


def test_viewer_reads_and_changes_nothing(client, member, customer):
    member.role = Role.VIEWER
    member.save()

    assert client.get(url("customer-detail", member, customer.pk)).status_code == 200
    assert client.get(url("customer-edit", member, customer.pk)).status_code == 403


def test_other_merchants_customer_is_not_found(client, member):
    stranger = factories.CustomerFactory()

    assert client.get(url("customer-detail", member, stranger.pk)).status_code == 404


def test_personal_number_is_checked_and_never_repeated():
    assert validators.personal_number("151086 95088") == "15108695088"
    with pytest.raises(ValidationError) as refused:
        validators.personal_number("12345678901")
    assert "12345678901" not in str(refused.value)
