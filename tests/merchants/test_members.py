"""Members: who may do what, and that an owner always remains."""

import re
import threading
from smtplib import SMTPException

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from invoicing_site.merchants import members
from invoicing_site.merchants.adapter import AccountAdapter
from invoicing_site.merchants.models import Membership, Role, User
from tests import factories

TYPED = {"email": "Nina@Fjord.example", "name": "Nina Berg Lie", "role": "biller"}


@pytest.fixture(autouse=True)
def _local_mail(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def at_once(*jobs) -> list[str]:
    """Run the jobs in threads that start together; say "done" or "refused" for each."""
    outcomes, start = [], threading.Barrier(len(jobs))

    def run(job) -> None:
        start.wait(5)
        try:
            job()
            outcomes.append("done")
        except ValidationError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(outcomes)


def test_new_person_gets_a_link_sets_a_password_and_signs_in(client, member, address, mailoutbox):
    answer = client.post(address("member-new"), TYPED)

    assert answer.url == address("member-list")
    user = User.objects.get(email="nina@fjord.example")
    assert (user.first_name, user.last_name) == ("Nina", "Berg Lie")
    assert not user.has_usable_password()
    assert user.memberships.get().role == Role.BILLER
    [mail] = mailoutbox
    assert mail.to == ["nina@fjord.example"]
    assert member.merchant.name in mail.subject
    link = re.search(r"http://testserver(/\S+)", mail.body)
    assert link

    browser = Client()
    page = browser.get(link[1], follow=True)
    browser.post(
        page.request["PATH_INFO"],
        {"password1": factories.PASSWORD, "password2": factories.PASSWORD},
    )
    browser.post(
        "/accounts/login/", {"login": "nina@fjord.example", "password": factories.PASSWORD}
    )

    assert browser.get(address("dashboard")).status_code == 200


def test_link_works_once(client, address, mailoutbox):
    client.post(address("member-new"), TYPED)
    link = re.search(r"http://testserver(/\S+)", mailoutbox[0].body)
    assert link
    user = User.objects.get(email="nina@fjord.example")
    user.set_password(factories.PASSWORD)
    user.save()

    page = Client().get(link[1], follow=True)

    assert 'name="password1"' not in page.content.decode()


def test_known_person_is_added_without_an_email(client, member, address, mailoutbox):
    known = factories.UserFactory(email="nina@fjord.example", first_name="Nina", last_name="Lie")

    client.post(address("member-new"), TYPED | {"name": "Somebody Else"})

    known.refresh_from_db()
    assert known.get_full_name() == "Nina Lie"
    assert member.merchant.memberships.filter(user=known).exists()
    assert mailoutbox == []


def test_member_is_not_added_twice(client, member, address):
    page = client.post(address("member-new"), TYPED | {"email": member.user.email.upper()})

    assert page.status_code == 422
    form = page.context["form"]
    assert "is a member already" in str(form.errors["email"])
    assert form["name"].value() == "Nina Berg Lie"


@pytest.mark.parametrize(
    ("field", "value"), [("email", "nina"), ("email", ""), ("name", ""), ("role", "admin")]
)
def test_wrong_value_is_said_at_its_field(client, address, field, value):
    page = client.post(address("member-new"), TYPED | {field: value})

    assert page.status_code == 422
    assert set(page.context["form"].errors) == {field}
    assert Membership.objects.count() == 1


def test_mail_that_cannot_be_sent_keeps_the_member_and_says_so(
    client, member, address, monkeypatch, mailoutbox
):
    def fail(*_args, **_kwargs):
        raise SMTPException("no")

    monkeypatch.setattr(AccountAdapter, "send_mail", fail)
    page = client.post(address("member-new"), TYPED, follow=True).content.decode()
    assert "the email could not be sent" in page
    monkeypatch.undo()

    added = Membership.objects.get(user__email="nina@fjord.example")
    assert address("member-invite", added.pk) in page
    client.post(address("member-invite", added.pk))

    assert [mail.to for mail in mailoutbox] == [["nina@fjord.example"]]


def test_link_is_not_sent_to_who_has_a_password(client, member, address, mailoutbox):
    other = factories.MembershipFactory(merchant=member.merchant)

    client.post(address("member-invite", other.pk))

    assert mailoutbox == []


def test_role_is_changed(client, member, address):
    other = factories.MembershipFactory(merchant=member.merchant, role=Role.VIEWER)

    client.post(address("member-edit", other.pk), {"role": "biller"})

    other.refresh_from_db()
    assert other.role == Role.BILLER


def test_removed_member_is_out_at_once_but_stays_a_person(client, member, address):
    other = factories.MembershipFactory(merchant=member.merchant, role=Role.BILLER)
    theirs = Client()
    theirs.force_login(other.user)
    assert theirs.get(address("dashboard")).status_code == 200
    assert client.get(address("member-remove", other.pk)).status_code == 200
    assert Membership.objects.filter(pk=other.pk).exists()

    client.post(address("member-remove", other.pk))

    assert theirs.get(address("dashboard")).status_code == 404
    assert User.objects.filter(pk=other.user_id).exists()


def test_owner_may_leave_when_another_remains(client, member, address):
    factories.MembershipFactory(merchant=member.merchant)

    answer = client.post(address("member-remove", member.pk))

    assert answer.url == "/"
    assert not Membership.objects.filter(pk=member.pk).exists()


def test_last_owner_is_neither_removed_nor_demoted(client, member, address):
    factories.MembershipFactory(merchant=member.merchant, role=Role.BILLER)
    factories.MembershipFactory()

    demoted = client.post(address("member-edit", member.pk), {"role": "viewer"})
    removed = client.post(address("member-remove", member.pk))

    for page in (demoted, removed):
        assert page.status_code == 422
        assert "is the only owner. Make somebody else an owner first." in page.content.decode()
    member.refresh_from_db()
    assert member.role == Role.OWNER


def test_owner_whose_account_is_closed_does_not_count(member):
    other = factories.MembershipFactory(merchant=member.merchant, user__is_active=False)

    with pytest.raises(ValidationError):
        members.remove(membership_id=member.pk)
    members.remove(membership_id=other.pk)


@pytest.mark.parametrize("_again", range(3))
def test_two_owners_who_demote_each_other_at_once_leave_one(member, _again):
    other = factories.MembershipFactory(merchant=member.merchant)

    outcomes = at_once(
        lambda: members.change_role(membership_id=other.pk, role=Role.VIEWER),
        lambda: members.change_role(membership_id=member.pk, role=Role.VIEWER),
    )

    assert outcomes == ["done", "refused"]
    assert member.merchant.memberships.filter(role=Role.OWNER).count() == 1


def test_two_owners_who_remove_each_other_at_once_leave_one(member):
    other = factories.MembershipFactory(merchant=member.merchant)

    outcomes = at_once(
        lambda: members.remove(membership_id=other.pk),
        lambda: members.remove(membership_id=member.pk),
    )

    assert outcomes == ["done", "refused"]
    assert member.merchant.memberships.count() == 1


def test_two_merchants_who_add_one_person_at_once_share_one_user(member):
    second = factories.MerchantFactory()

    outcomes = at_once(
        *(
            lambda merchant=merchant: members.add(
                merchant=merchant, email="nina@fjord.example", name="Nina", role=Role.VIEWER
            )
            for merchant in (member.merchant, second)
        )
    )

    assert outcomes == ["done", "done"]
    assert User.objects.get(email="nina@fjord.example").memberships.count() == 2


def test_list_takes_the_same_few_queries(client, member, address, django_assert_max_num_queries):
    for _ in range(12):
        factories.MembershipFactory(merchant=member.merchant)

    with django_assert_max_num_queries(5):
        client.get(address("member-list"))
