"""Run beside the stack, in its environment: a merchant decides to send thousands at once.

`python -m tests.services.decide_batch 2000` makes a merchant with a consented MobilePay Invoice
account, issues that many invoices (one in twenty to a number nobody has), decides to send them
all, and prints what was made as JSON.
"""

from __future__ import annotations

import json
import os
import sys

import django

NOBODY = 20


def main(count: int) -> None:
    """Make and decide."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "invoicing_site.settings"
    django.setup()
    from django.conf import settings  # noqa: PLC0415 -- after the set-up
    from django.utils import timezone  # noqa: PLC0415

    from invoices import dispatching  # noqa: PLC0415
    from tests.faults.mobilepay import MobileShop  # noqa: PLC0415

    shop = MobileShop.make(settings.PUBLIC_URL)
    invoices = shop.many(count)
    for n, invoice in enumerate(invoices[::NOBODY]):
        customer = invoice.customer
        assert customer is not None
        customer.phone = f"+45{n % 90 + 10}{'9' if n % 2 else '8'}10101"
        customer.save()
        customer.consents.update(phone=customer.phone)
    dispatch = dispatching.start(
        merchant=shop.merchant,
        road_key=shop.key(),
        by=shop.owner,
        ids=[invoice.pk for invoice in invoices],
        now=timezone.now(),
    )
    made = {"dispatch": dispatch.pk, "merchant": shop.id, "refused": len(invoices[::NOBODY])}
    sys.stdout.write(json.dumps(made))


if __name__ == "__main__":
    main(int(sys.argv[1]))
