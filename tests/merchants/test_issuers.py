"""Issuers as owners set them up."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from invoicing_site.merchants import issuers
from invoicing_site.merchants.models import Issuer, Role
from tests import factories
from tests.merchants.pictures import bomb, picture

TYPED = {
    "name": "Fjord Bergen",
    "legal_note": "Foretaksregisteret",
    "street": "Bryggen 1",
    "postcode": "5003",
    "city": "Bergen",
    "country": "NO",
    "email": "bergen@fjord.example",
    "phone": "02800",
    "website": "https://fjord.example",
    "currency": "NOK",
    "bank_account": "8601 11 17947",
    "iban": "no93 8601 1117 947",
    "bic": "dnbanokk",
    "colour": "#0b5b70",
    "kid_algorithm": "mod10",
    "number_prefix": "BER-",
    "first_number": "500",
    "terms_days": "21",
    "terms": "Takk for handelen.",
    "capture_automatically": "on",
    "active": "on",
}


def png(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("logo.png", picture() if data is None else data, "image/png")


def test_new_issuer_is_kept_compact(client, member, address):
    answer = client.post(address("issuer-new"), TYPED | {"logo": png()})

    assert answer.status_code == 302
    issuer = Issuer.objects.get()
    assert issuer.merchant == member.merchant
    assert (issuer.bank_account, issuer.iban, issuer.bic) == (
        "86011117947",
        "NO9386011117947",
        "DNBANOKK",
    )
    assert (issuer.number_prefix, issuer.first_number, issuer.terms_days) == ("BER-", 500, 21)
    assert bytes(issuer.logo).startswith(b"\x89PNG")
    assert issuer.capture_automatically
    assert not issuer.prices_include_vat


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "This field is required"),
        ("bank_account", "86011117948", "not a Norwegian account number"),
        ("iban", "NO0086011117947", "not an IBAN"),
        ("bic", "DNB", "not a BIC"),
        ("phone", "ring meg", "not a phone number"),
        ("colour", "red", "six hexadecimal digits"),
        ("number_prefix", "A B", "sign that may not be in a number"),
        ("first_number", "0", "“0” is too low. Write 1"),
        ("terms_days", "-1", "greater than or equal to 0"),
        ("email", "a@", "valid email"),
        ("website", "ikke en adresse", "valid URL"),
        ("country", "XX", "not one of the available choices"),
    ],
)
def test_wrong_value_is_said_at_its_field_and_nothing_typed_is_lost(
    client, address, field, value, words
):
    page = client.post(address("issuer-new"), TYPED | {field: value})

    assert page.status_code == 422
    form = page.context["form"]
    assert words in str(form.errors[field])
    assert set(form.errors) == {field}
    for name, typed in (TYPED | {field: value}).items():
        assert str(form[name].value()) in (typed, "True"), name
    assert not Issuer.objects.exists()


def test_error_of_a_number_repeats_what_was_typed(client, address):
    page = client.post(address("issuer-new"), TYPED | {"iban": "NO0086011117947"})

    assert "“NO0086011117947” is not an IBAN" in page.content.decode()


def test_foreign_account_number_has_no_norwegian_check_digit(client, address):
    danish = {"country": "DK", "bank_account": "0040 0440116243", "kid_algorithm": ""}

    client.post(address("issuer-new"), TYPED | danish)

    assert Issuer.objects.get().bank_account == "0040 0440116243"


def test_kid_without_an_account_is_refused(client, address):
    page = client.post(address("issuer-new"), TYPED | {"bank_account": ""})

    assert "A KID needs a bank account" in str(page.context["form"].errors["kid_algorithm"])


def test_logo_survives_an_error_elsewhere(client, address):
    """A browser never fills in a file again, so the page carries it."""
    refused = client.post(address("issuer-new"), TYPED | {"bic": "DNB", "logo": png()})
    kept = refused.context["form"].waiting_logo()
    assert f'name="logo_kept" value="{kept}"' in refused.content.decode()
    assert 'src="data:image/png;base64,' in refused.content.decode()

    client.post(address("issuer-new"), TYPED | {"logo_kept": kept})

    assert bytes(Issuer.objects.get().logo).startswith(b"\x89PNG")


@pytest.mark.parametrize("forged", ["bm8gcGljdHVyZQ==", "~~~", "PHN2Zy8+"])
def test_forged_kept_logo_is_not_taken(client, address, forged):
    assert client.post(address("issuer-new"), TYPED | {"logo_kept": forged}).status_code == 302

    assert bytes(Issuer.objects.get().logo) == b""


@pytest.mark.parametrize("data", [b"<svg/>", bomb()])
def test_bad_logo_is_refused_at_its_field(client, address, data):
    page = client.post(address("issuer-new"), TYPED | {"logo": png(data)})

    assert page.status_code == 422
    assert set(page.context["form"].errors) == {"logo"}


def test_logo_stays_until_it_is_removed(client, member, address):
    issuer = factories.IssuerFactory(merchant=member.merchant, logo=picture())
    client.post(address("issuer-edit", issuer.pk), TYPED)
    issuer.refresh_from_db()
    assert issuer.logo

    client.post(address("issuer-edit", issuer.pk), TYPED | {"remove_logo": "on"})

    issuer.refresh_from_db()
    assert bytes(issuer.logo) == b""


def test_numbering_is_free_until_the_first_invoice_is_issued(client, member, address):
    issuer = factories.IssuerFactory(merchant=member.merchant)
    client.post(address("issuer-edit", issuer.pk), TYPED)
    issuer.refresh_from_db()
    assert issuer.number_prefix == "BER-"
    factories.issued(issuer=issuer)

    page = client.get(address("issuer-edit", issuer.pk))
    client.post(address("issuer-edit", issuer.pk), TYPED | {"number_prefix": "X", "name": "New"})

    assert "The series is in use" in page.content.decode()
    assert 'name="number_prefix"' not in page.content.decode()
    issuer.refresh_from_db()
    assert (issuer.name, issuer.number_prefix, issuer.first_number) == ("New", "BER-", 500)


def test_form_opened_before_the_first_invoice_cannot_change_a_used_series(member):
    """The check is made under the lock too, whatever the form offered."""
    issuer = factories.IssuerFactory(merchant=member.merchant)
    factories.issued(issuer=issuer)
    issuer.number_prefix = "X"

    with pytest.raises(ValidationError, match="in use"):
        issuers.store(issuer, merchant=member.merchant)


@pytest.mark.parametrize(("theirs", "ours"), [("BER-", "BER-"), ("ber-", "BER-"), ("", "")])
def test_two_active_issuers_never_share_a_prefix(client, member, address, theirs, ours):
    factories.IssuerFactory(merchant=member.merchant, number_prefix=theirs, name="Old Bergen")

    page = client.post(address("issuer-new"), TYPED | {"number_prefix": ours})

    assert page.status_code == 422
    assert "Old Bergen" in str(page.context["form"].errors["number_prefix"])


def test_same_prefix_is_free_elsewhere(client, member, address):
    """Of another merchant, or of an issuer that is not active."""
    factories.IssuerFactory(number_prefix="BER-")
    factories.IssuerFactory(merchant=member.merchant, number_prefix="BER-", active=False)

    assert client.post(address("issuer-new"), TYPED).status_code == 302


def test_resting_issuer_cannot_wake_up_beside_its_twin(client, member, address):
    """Its prefix is no longer in the form, so the page says it at the top."""
    resting = factories.IssuerFactory(merchant=member.merchant, number_prefix="BER-")
    factories.issued(issuer=resting)
    client.post(address("issuer-edit", resting.pk), TYPED | {"active": ""})
    factories.IssuerFactory(merchant=member.merchant, number_prefix="BER-", name="New Bergen")

    page = client.post(address("issuer-edit", resting.pk), TYPED)

    assert page.status_code == 422
    assert "New Bergen" in str(page.context["form"].non_field_errors())


def test_two_people_cannot_give_one_prefix_at_once(member):
    """The merchant's row is locked: one of two wins."""
    outcomes, start = [], threading.Barrier(2)

    def make() -> None:
        issuer = factories.IssuerFactory.build(merchant=member.merchant, number_prefix="TWIN-")
        start.wait(5)
        try:
            issuers.store(issuer, merchant=member.merchant)
            outcomes.append("kept")
        except ValidationError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == ["kept", "refused"]
    assert Issuer.objects.filter(number_prefix="TWIN-").count() == 1


def test_viewer_sees_the_list_without_what_they_may_not_do(client, member, address):
    issuer = factories.IssuerFactory(merchant=member.merchant)
    viewer = factories.MembershipFactory(merchant=member.merchant, role=Role.VIEWER)
    client.force_login(viewer.user)

    page = client.get(address("issuer-list")).content.decode()

    assert issuer.name in page
    assert address("issuer-edit", issuer.pk) not in page
    assert address("issuer-new") not in page


def test_list_takes_the_same_few_queries(client, member, address, django_assert_max_num_queries):
    for number in range(12):
        factories.IssuerFactory(merchant=member.merchant, number_prefix=f"{number}-")

    with django_assert_max_num_queries(5):
        client.get(address("issuer-list"))


@pytest.mark.parametrize(
    ("field", "value"), [("org_number", "923609017"), ("vat_number", "NO923609017MVA")]
)
def test_profile_holds_numbers_to_their_check_digits(client, member, address, field, value):
    typed = {"name": "New name", "org_number": "923609016", "vat_number": ""}

    page = client.post(address("merchant-edit"), typed | {field: value})

    assert page.status_code == 422
    assert value in str(page.context["form"].errors[field])
    assert page.context["form"]["name"].value() == "New name"
    member.merchant.refresh_from_db()
    assert member.merchant.name == "Fjord og Fjell AS"


def test_profile_is_kept_compact(client, member, address):
    typed = {"name": "New name", "org_number": "923 609 016", "vat_number": "NO 923 609 016 MVA"}

    assert client.post(address("merchant-edit"), typed).status_code == 302

    member.merchant.refresh_from_db()
    kept = member.merchant
    assert (kept.name, kept.org_number, kept.vat_number) == (
        "New name",
        "923609016",
        "NO923609016MVA",
    )
