"""What the editor's pickers list: customers and articles, as one types."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from customers import queries as customer_queries
from customers.forms import CustomerForm
from invoices import numbers, typed
from invoices.models import Article
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller

MOST = 8


@biller
def customers(request: StaffRequest) -> HttpResponse:
    """List customers that match, with "add" as the last choice."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    found = customer_queries.search(request.merchant, text, MOST)
    return render(request, "invoices/pick_customer.html", {"found": found, "text": text})


@biller
def new_customer(request: StaffRequest) -> HttpResponse:
    """Add a customer in place: the form, its errors, or the customer that was made."""
    form = CustomerForm(
        request.POST or None,
        merchant=request.merchant,
        initial={"name": request.GET.get("q", "").replace("\x00", "").strip()[:200]},
    )
    if request.method == "POST" and form.is_valid():
        return render(request, "invoices/customer_made.html", {"customer": form.save()})
    status = 422 if request.method == "POST" else 200
    return render(request, "invoices/new_customer.html", {"form": form}, status=status)


@biller
def articles(request: StaffRequest) -> HttpResponse:
    """List articles that match, written as staff would type them."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100].casefold()
    rows = Article.objects.filter(merchant=request.merchant, active=True)
    for word in text.split():
        rows = rows.filter(search__contains=word)
    language = get_language() or "en"
    found = [
        {
            "row": row,
            "price": numbers.format_quantity(row.price, language),
            "vat": typed.vat_key(row.vat_category, row.vat_rate),
        }
        for row in rows[:MOST]
    ]
    return render(request, "invoices/pick_article.html", {"found": found})
