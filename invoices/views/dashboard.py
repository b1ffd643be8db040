"""The start page: what is outstanding, overdue and needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoices import presenting, queries
from invoices.queries import Age
from invoices.views.listing import today_of
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Merchant
from invoicing_site.merchants.permissions import viewer

SOON = timedelta(days=7)
TITLES = {
    "outstanding": _("Outstanding"),
    "overdue": _("Overdue"),
    "recent": _("Paid in 30 days"),
}


@viewer
def start(request: StaffRequest) -> HttpResponse:
    """Show the merchant's figures, each a link to exactly the invoices it counts."""
    merchant, today = request.merchant, today_of(request.merchant)
    figures = queries.figures(merchant, today)
    currencies = [figure.currency for figure in figures["outstanding"]]
    context = {
        "today": today,
        "figures": [
            {"title": TITLES[view], "figures": rows, "view": view} for view, rows in figures.items()
        ],
        "counts": queries.counts(merchant, today),
        "charts": [chart(merchant, currency, today) for currency in currencies],
        "alerts": [presenting.alert(each) for each in queries.open_alerts(merchant)],
        "lapsing": queries.lapsing(merchant, timezone.now() + SOON),
    }
    return render(request, "invoices/dashboard.html", context)


@viewer
def more(request: StaffRequest) -> HttpResponse:
    """List the pages that a phone's navigation has no room for."""
    return render(request, "invoices/more.html")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of the ageing chart, in the chart's units; `url` leads to its invoices."""

    label: str
    amount: Decimal
    count: int
    url: str
    y: int
    height: int
    x: int
    late: bool


WIDTH, HEIGHT, STEP = 600, 120, 100


def chart(merchant: Merchant, currency: str, today: date) -> dict[str, object]:
    """Draw what is outstanding in a currency by how late it is."""
    ages = queries.ageing(merchant, currency, today)
    most = max((age.amount for age in ages), default=Decimal(0)) or Decimal(1)
    bars = [_bar(merchant, currency, age, number, most) for number, age in enumerate(ages)]
    return {"currency": currency, "bars": bars, "width": WIDTH, "height": HEIGHT + 60}


def _bar(merchant: Merchant, currency: str, age: Age, number: int, most: Decimal) -> Bar:
    height = int(age.amount * HEIGHT / most) if age.amount > 0 else 0
    asked = {"view": "outstanding", "currency": currency}
    asked |= {"due_from": str(age.due_from)} if age.due_from else {}
    asked |= {"due_to": str(age.due_to)} if age.due_to else {}
    return Bar(
        label=age.label,
        amount=age.amount,
        count=age.count,
        url=f"{reverse('invoice-list', args=[merchant.slug])}?{urlencode(asked)}",
        y=HEIGHT - height + 24,
        height=max(height, 2),
        x=number * STEP + 10,
        late=age.late,
    )
