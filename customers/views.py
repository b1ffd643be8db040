"""The customer register: who is billed, and what they agreed to."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from customers import consents, queries
from customers.forms import ConsentForm, CustomerForm, WithdrawalForm
from customers.models import ContactConsent, Customer
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.permissions import biller, viewer


@viewer
@vary_on_headers("HX-Request")
def customer_list(request: StaffRequest) -> HttpResponse:
    """List customers by name; the address is the filter, the next page goes on by key."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    rows, following = queries.page(request.merchant, text, request.GET.get("after", ""))
    context = {"rows": rows, "text": text, "following": following}
    template = "customers/list.html#rows" if request.htmx else "customers/list.html"
    return render(request, template, context)


def _customer(request: StaffRequest, pk: int) -> Customer:
    return get_object_or_404(Customer, merchant=request.merchant, pk=pk)


@viewer
def customer_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """Show a customer, the consents with their evidence, and numbers to decide on."""
    return render(request, "customers/detail.html", _about(_customer(request, pk)))


def _about(customer: Customer) -> dict[str, Any]:
    return {
        "customer": customer,
        "consents": list(customer.consents.select_related("recorded_by")),
        "may_be_sent": bool(customer.phone) and consents.has_consent(customer, customer.phone),
        "proposals": list(customer.phone_proposals.filter(decided_at=None)),
    }


@biller
def customer_new(request: StaffRequest) -> HttpResponse:
    """Add a customer. What was typed survives errors."""
    form = CustomerForm(request.POST or None, merchant=request.merchant)
    return _edit(request, form)


@biller
def customer_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Change a customer. Issued invoices keep what was frozen on them."""
    customer = _customer(request, pk)
    form = CustomerForm(request.POST or None, instance=customer, merchant=request.merchant)
    return _edit(request, form)


def _edit(request: StaffRequest, form: CustomerForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        customer = form.save()
        return redirect("customer-detail", merchant=request.merchant.slug, pk=customer.pk)
    # The form has written what was typed into the instance; the heading shows what is stored.
    stored = Customer.objects.filter(pk=form.instance.pk).first()
    context = {"form": form, "customer": stored}
    status = 422 if request.method == "POST" else 200
    return render(request, "customers/edit.html", context, status=status)


@biller
def consent_new(request: StaffRequest, pk: int) -> HttpResponse:
    """Record that the customer agreed to be sent payment requests: how, when, on which number."""
    customer = _customer(request, pk)
    form = ConsentForm(request.POST or None, customer=customer)
    if request.method == "POST" and form.is_valid():
        consents.give(
            customer_id=customer.pk,
            phone=form.cleaned_data["phone"],
            how=form.cleaned_data["how"],
            now=form.cleaned_data["given_at"],
            by=request.user,
        )
        return redirect("customer-detail", merchant=request.merchant.slug, pk=pk)
    context = {"form": form, "customer": customer}
    status = 422 if request.method == "POST" else 200
    return render(request, "customers/consent.html", context, status=status)


@biller
def consent_withdraw(request: StaffRequest, pk: int, consent: int) -> HttpResponse:
    """Withdraw a consent: it stops the next request, not one that was sent."""
    customer = _customer(request, pk)
    row = get_object_or_404(ContactConsent, customer=customer, pk=consent, withdrawn_at=None)
    form = WithdrawalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        how = form.cleaned_data["how"]
        consents.withdraw(consent_id=row.pk, how=how, by=request.user, now=timezone.now())
        return redirect("customer-detail", merchant=request.merchant.slug, pk=pk)
    context = {"form": form, "customer": customer, "consent": row}
    status = 422 if request.method == "POST" else 200
    return render(request, "customers/withdraw.html", context, status=status)


@biller
@require_POST
def phone_proposal(request: StaffRequest, pk: int, proposal: int) -> HttpResponse:
    """Take a number that the customer shared, or keep the one on file."""
    customer = _customer(request, pk)
    row = get_object_or_404(customer.phone_proposals, pk=proposal)
    consents.decide(
        proposal_id=row.pk,
        take=request.POST.get("take") == "yes",
        by=request.user,
        now=timezone.now(),
    )
    return redirect("customer-detail", merchant=request.merchant.slug, pk=pk)
