"""Secrets that are easy to recognise are sought everywhere that people look, and never found.

The provider is hostile here: whatever it is told, its errors say back.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from invoices import outbox, sending
from invoices.models import Invoice
from invoicing_site.merchants.models import User
from providers.models import ProviderCall
from tests import factories, worlds
from tests.test_access import OF_A_MERCHANT, ROUTES, STAFF, address, signed_in
from tests.worlds import SECRETS, TOKEN, World

pytestmark = pytest.mark.django_db(transaction=True)
BASE = re.compile(r"http://127\.0\.0\.1:8000/.*")
TOKEN_PATH = "/accesstoken/get"
AHEAD = timedelta(hours=1)


class Hostile:
    """A provider that says back all it was told, in the body and in headers."""

    def __init__(self, status: int, *, token: bool) -> None:
        self.status, self.token, self.asked = status, token, list[str]()

    def __call__(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.asked.append(request.path_url)
        if self.token and request.path_url.endswith(TOKEN_PATH):
            answer = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": "3600"}
            return 200, {}, json.dumps(answer)
        if self.status == 0:
            raise requests.ConnectionError(f"broken at {dict(request.headers)}")
        told = " ".join([*map(str, request.headers.values()), str(request.body), *SECRETS.values()])
        problem = {
            "title": told,
            "detail": told,
            "traceId": "1",
            "extraDetails": [{"reason": told}],
        }
        return self.status, {"X-Told": "back"}, json.dumps(problem)


@pytest.fixture
def world(settings: Any) -> Iterator[World]:
    settings.SANDBOX = True
    cache.clear()
    yield worlds.make()
    cache.clear()


def use_everything(world: World, client: Client) -> str:
    """Do all that calls the provider; return every page that came back."""
    posted = ("provider-probe", "webhook-register", "webhook-delete", "delivery-replay")
    pages = [client.post(address(name, world), follow=True) for name in posted]
    pages.append(client.get(address("provider-detail", world), {"ask": "1"}))
    pages.append(client.get(address("hosted-return", world), follow=True))
    send_an_invoice(world)
    pages.append(client.get(address("invoice-detail", world)))
    return "".join(text_of(page) for page in pages)


def send_an_invoice(world: World) -> Invoice:
    """Push another invoice, and let the worker try twice."""
    invoice = factories.issued(issuer=world.issuer, customer=world.customer)
    key, now = f"{world.account.pk}:push", timezone.now()
    sending.send(invoice_id=invoice.pk, road_key=key, by=world.owner.user, now=now)
    assert outbox.drain(now, threads=1)
    outbox.drain(now + AHEAD, threads=1)
    return invoice


def text_of(page: Any) -> str:
    return (b"".join(page) if page.streaming else page.content).decode(errors="replace")


def every_page(world: World) -> Iterator[tuple[str, str]]:
    """Yield name and text of every page of staff (as owner), and of operators."""
    client = signed_in(world.owner)
    for name in OF_A_MERCHANT:
        yield name, text_of(client.get(address(name, world)))
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", factories.PASSWORD))
    for model in admin.site._registry:
        meta = model._meta
        site = f"admin:{meta.app_label}_{meta.model_name}"
        yield site, text_of(operator.get(reverse(f"{site}_changelist")))
        for row in model._default_manager.all():
            yield site, text_of(operator.get(reverse(f"{site}_change", args=[row.pk])))


def found(text: str, wanted: list[str]) -> list[str]:
    return [secret for secret in wanted if secret in text]


@pytest.mark.parametrize("token", [False, True], ids=["no token", "token"])
@pytest.mark.parametrize("status", [0, 400, 401, 403, 404, 409, 429, 500])
def test_failing_calls_leave_no_secret_anywhere(
    world: World, caplog: pytest.LogCaptureFixture, status: int, token: bool
) -> None:
    client, hostile, wanted = signed_in(world.owner), Hostile(status, token=token), world.secrets()
    caplog.set_level(logging.DEBUG)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        for method in ("GET", "POST", "PUT", "DELETE"):
            mocked.add_callback(method, BASE, callback=hostile)
        pages = use_everything(world, client)

    assert len(hostile.asked) > 3
    calls = ProviderCall.objects.filter(account=world.account)
    assert calls.filter(status=status or None).exists()
    assert found(repr(list(calls.values())), wanted) == []
    assert found(pages, wanted) == []
    assert found(logged(caplog), wanted) == []
    assert found(repr(list(vars(cache).get("_cache", {}).items())), wanted) == []
    for name, page in every_page(world):
        assert found(page, wanted) == [], name


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged, before the handler's mask, with tracebacks."""
    return caplog.text + repr([(each.msg, each.args) for each in caplog.records])


def test_the_canaries_are_really_there(world: World) -> None:
    """Else finding none would prove nothing."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.add_callback("POST", BASE, callback=Hostile(500, token=False))
        signed_in(world.owner).post(address("provider-probe", world))
        sent = str([dict(call.request.headers) for call in mocked.calls])

    assert found(sent, list(SECRETS.values())) == list(SECRETS.values())
    assert world.registration.secret == worlds.WEBHOOK_SECRET


def test_rejected_form_does_not_say_new_keys_back(world: World) -> None:
    """Names and settings stay typed; keys are typed again."""
    typed = {"name": "Kept name", "client_id": "wrong", "client_secret": "canary-typed-secret"}
    typed |= {"subscription_key": "canary-typed-key", "msn": "not a number"}

    page = signed_in(world.owner).post(address("provider-edit", world), typed)

    assert page.status_code == 422
    assert "Kept name" in text_of(page)
    assert found(text_of(page), ["canary-typed-secret", "canary-typed-key"]) == []


@pytest.mark.parametrize("role", STAFF)
def test_pages_show_each_role_no_secret(world: World, role: Any) -> None:
    client = signed_in(getattr(world, role.value))

    for name in OF_A_MERCHANT:
        page = text_of(client.get(address(name, world)))
        assert found(page, world.secrets()) == [], name


def test_nothing_secret_is_plain_in_the_database(world: World) -> None:
    """Keys, webhook secrets and personal numbers are encrypted at rest."""
    wanted = [*SECRETS.values(), worlds.WEBHOOK_SECRET, worlds.PERSONAL_NUMBER]
    quote = connection.ops.quote_name
    tables = connection.introspection.table_names()
    assert len(tables) > 20

    for table in tables:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {quote(table)}")  # noqa: S608
            assert found(repr(cursor.fetchall()), wanted) == [], table


def test_every_page_is_looked_at(world: World) -> None:
    """The walk covers what ROUTES declares and what operators see."""
    names = {name for name, _ in every_page(world)}

    assert {name for name, route in ROUTES.items() if route.role in STAFF} <= names
    assert len(names) > len(OF_A_MERCHANT) + 20
