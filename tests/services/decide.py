"""Run beside the stack, in its environment: what staff decide. Workers do the rest.

`python -m tests.services.decide push 3` issues three invoices, decides to send each to the
customer's phone, and prints them as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta

import django


def main(action: str, count: int) -> None:
    """Make `count` invoices and decide."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "invoicing_site.settings"
    django.setup()
    from django.utils import timezone  # noqa: PLC0415 -- after the set-up

    from invoices import sending  # noqa: PLC0415
    from invoices.models import PaymentRequest  # noqa: PLC0415
    from invoicing_site.demo.seeds import history  # noqa: PLC0415
    from invoicing_site.merchants.models import Merchant, User  # noqa: PLC0415

    merchant = Merchant.objects.get(slug="nordlys")
    by = User.objects.get(memberships__merchant=merchant, memberships__role="biller")
    made = []
    for _ in range(count):
        sample = history.Sample("TEST", "Kari Nordmann", history.SERVICE)
        invoice = history.issued(history.draft(merchant, sample, by), 0, by)
        now = timezone.now()
        roads = {road.key.rpartition(":")[2]: road for road in sending.roads(invoice, now=now)}
        at = now + timedelta(seconds=2) if action == "later" else None
        sending.send(invoice_id=invoice.pk, road_key=roads["push"].key, by=by, now=now, at=at)
        request = PaymentRequest.objects.get(invoice=invoice)
        made.append(
            {
                "invoice": invoice.pk,
                "reference": request.reference,
                "minor": int(invoice.total * 100),
            }
        )
    sys.stdout.write(json.dumps(made))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
