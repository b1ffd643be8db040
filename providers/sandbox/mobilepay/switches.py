"""What the documentation leaves open, answered the other way for one merchant.

A switch is a fault row under a name that no endpoint has, so that nothing ever takes it.
"""

from django.db.models import QuerySet

from providers.sandbox.models import Fault, PortalMerchant

PROVIDER = "mobilepay"
RULES_FIRST = "rules_before_duplicates"
# "Not after today" is judged by the day that it is in UTC too.
UTC_DAY = "issue_date_by_utc"
# The due date lies between today and today + 400 days, without either, as the table of 1.4 says.
STRICT_DUE = "due_date_between"
NAMES = frozenset({RULES_FIRST, UTC_DAY, STRICT_DUE})


def of(merchant: PortalMerchant) -> frozenset[str]:
    """Return the names of the switches that are on."""
    rows = _rows(merchant).filter(endpoint__in=NAMES).exclude(remaining=0)
    return frozenset(rows.values_list("endpoint", flat=True))


def turn(merchant: PortalMerchant, name: str, *, on: bool) -> None:
    """Turn a switch on or off."""
    _rows(merchant).filter(endpoint=name).delete()
    if on:
        Fault.objects.create(
            provider=PROVIDER,
            account=str(merchant.merchant_id),
            endpoint=name,
            kind=Fault.Kind.REFUSE,
        )


def _rows(merchant: PortalMerchant) -> QuerySet[Fault]:
    return Fault.objects.filter(provider=PROVIDER, account=str(merchant.merchant_id))
