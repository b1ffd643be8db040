"""Setting up where a provider calls us back, when several do it at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from providers import registrations, registry
from providers.contract import OutcomeUnknown
from providers.models import ProviderAccount, WebhookRegistration
from providers.vipps_mobilepay.adapter import VippsMobilePay
from tests import factories
from tests.providers import consent_server

pytestmark = pytest.mark.django_db


class Remembered(VippsMobilePay):
    """A provider that holds one secret of ours, the last it was given, and lists none."""

    lists_webhooks = False
    holds = ""
    meanwhile: list[Callable[[], Any]] = []
    made = 0

    def new_webhook_secret(self) -> tuple[str, str]:
        """Choose the next."""
        type(self).made += 1
        return f"id-{self.made}", f"secret-{self.made}"

    def set_webhook(self, url: str, registration_id: str, secret: str) -> None:
        """Keep the secret; `meanwhile` is what others do before it gets here."""
        if self.meanwhile:
            self.meanwhile.pop()()
        type(self).holds = secret


@pytest.fixture
def account(monkeypatch: Any) -> ProviderAccount:
    kind = type("Fresh", (Remembered,), {"meanwhile": []})
    monkeypatch.setattr(registry, "classes", lambda: {consent_server.SLUG: kind})
    return factories.ProviderAccountFactory(provider=consent_server.SLUG)


def kind_of(account: ProviderAccount) -> type[Remembered]:
    found: type[Remembered] = registry.classes()[account.provider]  # type: ignore[assignment]
    return found


def press(account: ProviderAccount) -> WebhookRegistration:
    return registrations.register(account, now=timezone.now())


def test_double_press_leaves_the_secret_that_the_provider_holds(account: ProviderAccount):
    press(account)
    kind_of(account).meanwhile.append(lambda: press(account))

    press(account)

    assert kind_of(account).holds == "secret-2"
    assert set(registrations.secrets(account)) == {"secret-2", "secret-3"}


def test_next_set_up_ends_what_a_double_press_left(account: ProviderAccount):
    kind_of(account).meanwhile.append(lambda: press(account))
    press(account)

    press(account)

    assert registrations.secrets(account) == [kind_of(account).holds]


def test_set_up_whose_answer_was_lost_ends_when_its_call_must_be_over(account: ProviderAccount):
    def lose() -> None:
        raise OutcomeUnknown("lost")

    kind_of(account).meanwhile.append(lose)
    with pytest.raises(OutcomeUnknown):
        press(account)
    press(account)
    assert set(registrations.secrets(account)) == {"secret-1", "secret-2"}

    long_ago = timezone.now() - 2 * registrations.LONGEST
    account.registrations.filter(provider_id="id-1").update(created_at=long_ago)
    press(account)

    assert registrations.secrets(account) == ["secret-3"]


def test_account_that_lost_its_last_secret_is_named_in_the_log(
    account: ProviderAccount, caplog: Any
):
    made, now = press(account), timezone.now()
    never = factories.ProviderAccountFactory(provider=consent_server.SLUG)
    registrations.check_all(now=now)
    assert caplog.messages == []

    WebhookRegistration.objects.filter(pk=made.pk).update(removed_at=now - timedelta(hours=1))
    registrations.check_all(now=now)

    (said,) = caplog.messages
    assert f"Account {account.pk} has no live webhook secret" in said
    assert f"Account {never.pk} " not in said
