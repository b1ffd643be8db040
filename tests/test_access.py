"""Who may open what: every address of the site, as nobody, as each role, as a stranger.

A new address fails here until it is declared in ROUTES with the role it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from invoices.models import Dispatch, Invoice, PaymentRequest
from invoicing_site.merchants.models import Role
from tests import worlds
from tests.factories import NOW
from tests.worlds import World

pytestmark = pytest.mark.django_db

PUBLIC, SIGNED_IN = "public", "signed in"
VIEWER, BILLER, OWNER = Role.VIEWER, Role.BILLER, Role.OWNER
STAFF = (VIEWER, BILLER, OWNER)
Ids = Callable[[World], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """The role an address needs, and its arguments in a world (without the merchant)."""

    role: str
    ids: Ids = lambda _: {}


def issued(world: World) -> dict[str, Any]:
    return {"pk": world.invoice.pk}


def drafted(world: World) -> dict[str, Any]:
    return {"pk": world.draft.pk}


def requested(world: World) -> dict[str, Any]:
    return {"pk": world.invoice.pk, "request_pk": world.request.pk}


def customer(world: World) -> dict[str, Any]:
    return {"pk": world.customer.pk}


def account(world: World) -> dict[str, Any]:
    return {"pk": world.account.pk}


def delivery(world: World) -> dict[str, Any]:
    return {"pk": world.account.pk, "delivery": world.delivery.pk}


def dispatch(world: World) -> dict[str, Any]:
    about = {"road_key": "email", "road_label": "Email", "created_at": NOW}
    row, is_new = Dispatch.objects.get_or_create(merchant=world.merchant, defaults=about)
    if is_new:
        row.items.create(invoice=world.invoice)
    return {"pk": row.pk}


def hosted(world: World) -> dict[str, Any]:
    return {"token": world.invoice.token}


ROUTES = {
    "home": Route(SIGNED_IN),
    "health-live": Route(PUBLIC),
    "health-ready": Route(PUBLIC),
    "webhook": Route(
        PUBLIC, lambda w: {"provider": w.account.provider, "token": w.account.webhook_token}
    ),
    "consent-callback": Route(PUBLIC, lambda w: {"provider": w.account.provider}),
    "hosted": Route(PUBLIC, hosted),
    "hosted-pdf": Route(PUBLIC, hosted),
    "hosted-return": Route(PUBLIC, hosted),
    "hosted-pay": Route(PUBLIC, lambda w: hosted(w) | {"road_key": f"{w.account.pk}:link"}),
    # The merchant
    "dashboard": Route(VIEWER),
    "more": Route(VIEWER),
    "merchant-edit": Route(OWNER),
    "issuer-list": Route(VIEWER),
    "issuer-new": Route(OWNER),
    "issuer-edit": Route(OWNER, lambda w: {"pk": w.issuer.pk}),
    "member-list": Route(VIEWER),
    "member-new": Route(OWNER),
    "member-edit": Route(OWNER, lambda w: {"pk": w.viewer.pk}),
    "member-invite": Route(OWNER, lambda w: {"pk": w.viewer.pk}),
    "member-remove": Route(OWNER, lambda w: {"pk": w.viewer.pk}),
    # Invoices
    "invoice-list": Route(VIEWER),
    "invoice-detail": Route(VIEWER, issued),
    "invoice-live": Route(VIEWER, issued),
    "invoice-pdf": Route(VIEWER, issued),
    "invoice-send": Route(BILLER, issued),
    "invoice-drop": Route(BILLER, lambda w: issued(w) | {"operation": w.operation.pk}),
    "invoice-cancel": Route(BILLER, issued),
    "invoice-uncollectible": Route(BILLER, issued),
    "request-withdraw": Route(BILLER, requested),
    "request-capture": Route(BILLER, requested),
    "request-refund": Route(BILLER, requested),
    "alert-resolve": Route(BILLER, lambda w: issued(w) | {"alert": w.alert.pk}),
    "dispatch-send": Route(BILLER),
    "dispatch-list": Route(VIEWER),
    "dispatch-detail": Route(VIEWER, dispatch),
    "dispatch-live": Route(VIEWER, dispatch),
    "dispatch-resend": Route(BILLER, dispatch),
    "dispatch-links": Route(BILLER, dispatch),
    "invoice-new": Route(BILLER),
    "invoice-edit": Route(BILLER, drafted),
    "invoice-save": Route(BILLER, drafted),
    "invoice-issue": Route(BILLER, drafted),
    "invoice-delete-draft": Route(BILLER, drafted),
    "invoice-copy": Route(BILLER, issued),
    "draft-customers": Route(BILLER),
    "draft-customer-new": Route(BILLER),
    "draft-articles": Route(BILLER),
    "request-compare": Route(BILLER, requested),
    "request-link": Route(BILLER, requested),
    "request-name": Route(BILLER, requested),
    "request-absent": Route(BILLER, requested),
    "request-consent": Route(BILLER, requested),
    "invoice-correct": Route(BILLER, issued),
    "invoice-preview": Route(
        BILLER, lambda w: issued(w) | {"account_pk": w.account.pk, "channel": "push"}
    ),
    "moving": Route(BILLER),
    "article-list": Route(VIEWER),
    "article-new": Route(BILLER),
    "article-edit": Route(BILLER, lambda w: {"pk": w.article.pk}),
    # Customers
    "customer-list": Route(VIEWER),
    "customer-new": Route(BILLER),
    "customer-detail": Route(VIEWER, customer),
    "customer-edit": Route(BILLER, customer),
    "customer-consent": Route(BILLER, customer),
    "customer-consent-withdraw": Route(BILLER, lambda w: customer(w) | {"consent": w.consent.pk}),
    "customer-phone-proposal": Route(BILLER, lambda w: customer(w) | {"proposal": w.proposal.pk}),
    # Providers
    "provider-list": Route(VIEWER),
    "provider-new": Route(OWNER, lambda _: {"slug": "vipps_mobilepay"}),
    "provider-detail": Route(VIEWER, account),
    "provider-edit": Route(OWNER, account),
    "provider-probe": Route(OWNER, account),
    "provider-pause": Route(OWNER, account),
    "provider-resume": Route(OWNER, account),
    "provider-issuers": Route(OWNER, account),
    "provider-issuers-sync": Route(OWNER, account),
    "provider-issuer-hand": Route(OWNER, account),
    "provider-issuer-map": Route(OWNER, lambda w: account(w) | {"remote": w.remote.pk}),
    "consent-list": Route(VIEWER),
    "consent-returned": Route(VIEWER, lambda w: {"attempt": w.attempt.pk}),
    "consent-start": Route(OWNER, account),
    "consent-withdraw": Route(OWNER, account),
    "webhook-register": Route(OWNER, account),
    "webhook-delete": Route(OWNER, lambda w: account(w) | {"registration": w.registration.pk}),
    "delivery-detail": Route(OWNER, delivery),
    "delivery-replay": Route(OWNER, delivery),
}
OF_A_MERCHANT = sorted(name for name, route in ROUTES.items() if route.role in STAFF)


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    """Yield our own addresses: not the admin's, the sandbox's (both in namespaces) or allauth's."""
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield each
        elif not each.namespace and not _is_allauth(each):
            yield from patterns(each)


def _is_allauth(resolver: URLResolver) -> bool:
    module = resolver.urlconf_name
    return getattr(module, "__name__", str(module)).startswith("allauth")


OURS = {pattern.name: pattern for pattern in patterns(get_resolver())}
WITH_IDS = sorted(name for name in OF_A_MERCHANT if "<int:" in str(OURS[name].pattern))


@pytest.fixture
def world() -> World:
    return worlds.make()


def signed_in(membership: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(membership.user)
    return client


def address(name: str, world: World, **ids: Any) -> str:
    merchant = {"merchant": world.merchant.slug} if ROUTES[name].role in STAFF else {}
    return reverse(name, kwargs=merchant | ROUTES[name].ids(world) | ids)


def both(client: Client, url: str) -> list[int]:
    """Return the statuses of a GET and a POST."""
    return [client.get(url).status_code, client.post(url).status_code]


def test_every_address_is_declared() -> None:
    """So nobody adds a page without saying who may open it."""
    undeclared = sorted(str(name) for name in set(OURS) - set(ROUTES))
    gone = sorted(set(ROUTES) - set(OURS))

    assert not undeclared, f"Declare in ROUTES of this file which role these need: {undeclared}"
    assert not gone, f"These addresses are gone; take them out of ROUTES: {gone}"


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_view_asks_for_the_declared_role(name: str) -> None:
    role = getattr(OURS[name].callback, "required_role", None)

    assert role == (ROUTES[name].role if name in OF_A_MERCHANT else None)


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_nobody_sees_only_what_is_public(name: str, world: World) -> None:
    url = address(name, world)

    for answer in (Client().get(url), Client().post(url)):
        to_sign_in = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
        assert to_sign_in == (ROUTES[name].role != PUBLIC)


@pytest.mark.parametrize("name", OF_A_MERCHANT)
def test_smaller_roles_are_refused_and_the_named_one_is_let_in(name: str, world: World) -> None:
    url, needed = address(name, world), STAFF.index(Role(ROUTES[name].role))

    for rank, role in enumerate(STAFF):
        client = signed_in(getattr(world, role.value))
        if rank < needed:
            assert both(client, url) == [403, 403], role
        else:
            # 405 is an answer of the view: it wants a POST.
            assert client.get(url).status_code in (200, 302, 405, 409), role


@pytest.mark.parametrize("name", OF_A_MERCHANT)
def test_owner_of_another_merchant_finds_nothing(name: str, world: World) -> None:
    """Not even that the merchant exists: the same as for one that does not."""
    other = worlds.make()

    assert both(signed_in(other.owner), address(name, world)) == [404, 404]


@pytest.mark.parametrize("name", WITH_IDS)
def test_rows_of_another_merchant_are_not_found_under_ours(name: str, world: World) -> None:
    """Each id alone, and all together; 405 where the view takes only the other method."""
    other = worlds.make()
    theirs, ours = ROUTES[name].ids(other), ROUTES[name].ids(world)
    client = signed_in(world.owner)
    before = fingerprint(other)

    # What is no row (a channel's name) is the same in both worlds.
    alone = [{key: each} for key, each in theirs.items() if each != ours[key]]
    for foreign in [theirs, *alone]:
        statuses = both(client, address(name, world, **foreign))
        assert set(statuses) <= {404, 405}, foreign
        assert 404 in statuses, foreign

    assert fingerprint(other) == before


def fingerprint(world: World) -> list[Any]:
    """Return what a stranger's hand could have changed."""
    return [
        list(type(row)._default_manager.filter(pk=row.pk).values())
        for row in (
            world.issuer, world.viewer, world.customer, world.consent, world.proposal,
            world.article, world.account, world.remote, world.registration, world.delivery,
            world.draft, world.invoice, world.request, world.operation, world.alert,
        )
    ]  # fmt: skip


def test_draft_takes_no_issuer_of_another_merchant(world: World) -> None:
    other, client = worlds.make(), signed_in(world.owner)

    client.post(address("invoice-new", world), {"issuer": other.issuer.pk})

    assert not Invoice.objects.filter(merchant=world.merchant, issuer=other.issuer).exists()


def test_draft_takes_no_customer_of_another_merchant(world: World) -> None:
    other, client = worlds.make(), signed_in(world.owner)

    client.post(
        address("invoice-new", world), {"issuer": world.issuer.pk, "customer": other.customer.pk}
    )
    client.post(
        address("invoice-save", world),
        {"customer": other.customer.pk, "revision": world.draft.revision},
    )

    assert not Invoice.objects.filter(merchant=world.merchant, customer=other.customer).exists()


def test_account_serves_no_issuer_of_another_merchant(world: World) -> None:
    other, client = worlds.make(), signed_in(world.owner)

    answer = client.post(
        address("provider-edit", world), {"name": "Ours", "issuers": [other.issuer.pk]}
    )

    assert answer.status_code == 422
    assert "issuers" in answer.context["form"].errors
    assert list(world.account.issuers.all()) == [world.issuer]


def test_invoice_is_not_sent_by_an_account_of_another_merchant(world: World) -> None:
    other, client = worlds.make(), signed_in(world.owner)

    client.post(address("invoice-send", world), {"road": f"{other.account.pk}:push"})

    assert not PaymentRequest.objects.filter(invoice=world.invoice, account=other.account).exists()


def test_list_and_search_show_nothing_of_another_merchant(world: World) -> None:
    other = worlds.make()
    other.customer.name = "Only Theirs AS"
    other.customer.save()
    Invoice.objects.filter(merchant=other.merchant).update(customer_name="Only Theirs AS")
    client = signed_in(world.owner)

    for name in ("invoice-list", "customer-list", "dashboard", "draft-customers"):
        page = client.get(address(name, world), {"customer": str(other.customer.pk)})
        assert "Only Theirs" not in page.content.decode(), name
