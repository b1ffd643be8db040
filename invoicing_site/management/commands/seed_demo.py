"""Fill a demo with sample data; `make demo` runs this."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone


class Command(BaseCommand):
    """`basics` and `crowd` need only the database, `webhooks` and `invoices` also the web server:
    the sandbox is there."""

    help = "Make the sample merchants, customers and invoices. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take which part to make."""
        parser.add_argument("part", choices=["basics", "webhooks", "invoices", "crowd"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the part that was asked for. Refuses on a site that is not a demo."""
        if not (settings.DEMO and settings.SANDBOX):
            raise CommandError(
                "This is not a demo: sample accounts have a published password. "
                "Set DEMO=true and SANDBOX=true on a machine that takes no real money."
            )
        parts = {
            "basics": self.basics,
            "webhooks": self.webhooks,
            "invoices": self.invoices,
            "crowd": self.crowd,
        }
        parts[options["part"]]()

    def basics(self) -> None:
        """Make merchants, staff, customers, articles and provider accounts."""
        from invoicing_site.demo.seeds import (  # noqa: PLC0415 -- needs the sandbox
            accounts,
            merchants,
            mobilepay,
            registers,
        )

        merchants.make()
        registers.make(now=timezone.now())
        accounts.make(settings.PUBLIC_URL)
        mobilepay.make(settings.PUBLIC_URL)

    def webhooks(self) -> None:
        """Register the webhooks of this demo's address, and give the consent they take."""
        from invoicing_site.demo.seeds import (  # noqa: PLC0415 -- needs the sandbox
            accounts,
            mobilepay,
        )

        accounts.register_webhooks(now=timezone.now())
        mobilepay.connect(now=timezone.now())

    def crowd(self) -> None:
        """Issue what the smoke run sends by one decision."""
        from invoicing_site.demo.seeds import crowd  # noqa: PLC0415 -- needs the sandbox

        crowd.make(crowd.MOST, _biller(), with_trouble=False)

    def invoices(self) -> None:
        """Register webhooks, then make the sample invoices with their stories."""
        from invoicing_site.demo.phone import MobilePayPhone, Phone  # noqa: PLC0415 -- only here
        from invoicing_site.demo.seeds import crowd, history  # noqa: PLC0415 -- needs the sandbox
        from invoicing_site.demo.seeds.stories import Teller  # noqa: PLC0415 -- the same

        self.webhooks()
        url, say = settings.PUBLIC_URL, self.stdout.write
        tell = Teller(by=_biller(), phone=Phone(url), app=MobilePayPhone(url))
        # Numbers follow the days on which they were taken.
        history.make(tell, say, days=range(crowd.DAYS, 1000))
        crowd.tell(tell, say)
        history.make(tell, say, days=range(crowd.DAYS))


def _biller() -> Any:
    """Return the member of staff who writes the sample invoices."""
    from invoicing_site.merchants.models import User  # noqa: PLC0415 -- the app must be ready

    return User.objects.get(memberships__merchant__slug="nordlys", memberships__role="biller")
