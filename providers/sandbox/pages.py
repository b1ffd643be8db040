"""The sandbox's own pages: front page, clock, faults, ledger, mailbox."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST, require_safe

from providers.sandbox import clock, mail, outbox, state
from providers.sandbox.mobilepay import callbacks, expiry
from providers.sandbox.mobilepay import ledger as invoice_ledger
from providers.sandbox.mobilepay import tricks as invoice_tricks
from providers.sandbox.models import (
    AppInvoice,
    Delivery,
    Fault,
    Mail,
    Payment,
    PhoneUser,
    PortalMerchant,
    SalesUnit,
)
from providers.sandbox.vipps import lifecycle, tricks
from providers.sandbox.vipps.auth import PROVIDER

ENDPOINTS = (
    "*",
    "token",
    "create",
    "get",
    "events",
    "capture",
    "refund",
    "cancel",
    "userinfo",
    "webhook_register",
    "webhook_list",
    "webhook_delete",
    "om_receipt",
    "om_category",
    "om_get",
    "CREATED",
    "AUTHORIZED",
    "ABORTED",
    "EXPIRED",
    "TERMINATED",
    "CAPTURED",
    "CANCELLED",
    "REFUNDED",
)
# The same words at both providers are the same entry.
MOBILEPAY_ENDPOINTS = (
    "discovery",
    "jwks",
    "authorize",
    "introspect",
    "me",
    "issuers",
    "logo",
    "create_batch",
    "create_link",
    "create_link_batch",
    "details",
    "status",
    "auth_basic",
    "auth_apikey",
    "consent_create",
    "consent_list",
    "consent_get",
    "callback",
)
PROVIDERS = ((PROVIDER, "Vipps MobilePay"), (callbacks.PROVIDER, "MobilePay Invoice"))
STEPS = (
    (600, "10 minutes"),
    (3600, "1 hour"),
    (86400, "1 day"),
    (7 * 86400, "1 week"),
    (15 * 86400, "15 days"),
)
# A mail brings its own inline styles and nothing else.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


if TYPE_CHECKING:
    FaultBase = forms.ModelForm[Fault]
else:
    FaultBase = forms.ModelForm


class FaultForm(FaultBase):
    provider = forms.ChoiceField(choices=PROVIDERS, required=False)
    account = forms.ChoiceField(required=False)
    endpoint = forms.ChoiceField(
        choices=[(name, name) for name in (*ENDPOINTS, *MOBILEPAY_ENDPOINTS)], initial="*"
    )

    class Meta:
        model = Fault
        fields = (
            "provider",
            "kind",
            "endpoint",
            "account",
            "seconds",
            "status",
            "code",
            "retry_after",
            "remaining",
        )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        units = SalesUnit.objects.values_list("msn", "name")
        merchants = PortalMerchant.objects.values_list("merchant_id", "name", "vat_number")
        self.fields["account"].choices = [  # type: ignore[attr-defined]
            ("", "all accounts"),
            *((msn, f"{name} ({msn})") for msn, name in units),
            *((str(public_id), f"{name} ({vat})") for public_id, name, vat in merchants),
        ]
        for field in self.fields.values():
            is_choice = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "select" if is_choice else "input"

    def clean_provider(self) -> str:
        return self.cleaned_data["provider"] or PROVIDER


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    context = {
        "units": SalesUnit.objects.order_by("name"),
        "people": PhoneUser.objects.order_by("-id")[:8],
        "numbers": tricks.numbers(),
        "amounts": tricks.amounts(),
        "switches": tricks.switches(),
        "payments": Payment.objects.count(),
        "merchants": PortalMerchant.objects.prefetch_related("users").order_by("name"),
        "invoice_numbers": invoice_tricks.numbers(),
        "invoice_amounts": invoice_tricks.amounts(),
        "invoice_switches": invoice_tricks.switches(),
        "invoices": AppInvoice.objects.count(),
        "mails": Mail.objects.count(),
        "faults": Fault.objects.exclude(remaining=0).count(),
        **clock_context(),
    }
    return render(request, "sandbox/index.html", context)


def clock_context() -> dict[str, object]:
    """Say what the clock panel shows."""
    return {"sandbox_now": clock.now(), "ahead": clock.offset(), "steps": STEPS}


@require_POST
def push_clock(request: HttpRequest) -> HttpResponse:
    try:
        seconds = float(request.POST.get("seconds", "0"))
    except ValueError:
        raise Http404 from None
    clock.push(timedelta(seconds=max(seconds, 0)))
    lifecycle.tick()
    expiry.tick(clock.now())
    outbox.nudge()
    return redirect(_back(request))


@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    state.reset()
    return redirect("sandbox:index")


def faults(request: HttpRequest) -> HttpResponse:
    form = FaultForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("sandbox:faults")
    context = {"form": form, "faults": Fault.objects.order_by("-id")}
    status = 422 if form.errors else 200
    return render(request, "sandbox/faults.html", context, status=status)


@require_POST
def clear_fault(request: HttpRequest, pk: int) -> HttpResponse:
    Fault.objects.filter(pk=pk).delete()
    return redirect("sandbox:faults")


@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    lifecycle.tick()
    expiry.tick(clock.now())
    payments = Payment.objects.select_related("unit").order_by("-id")
    context = {
        "payments": payments.prefetch_related("events")[:50],
        "count": payments.count(),
        "totals": state.totals(payments),
        "calls": state.calls(),
        "invoices": AppInvoice.objects.select_related("issuer")
        .prefetch_related("events")
        .order_by("-id")[:50],
        "statuses": invoice_ledger.statuses(AppInvoice.objects.all()),
        "paid": invoice_ledger.paid(AppInvoice.objects.all()),
        "invoice_calls": invoice_ledger.calls(),
        "deliveries": Delivery.objects.select_related("subscription").order_by("-id")[:50],
    }
    return render(request, "sandbox/ledger.html", context)


@require_POST
def deliver(request: HttpRequest) -> HttpResponse:
    outbox.deliver_due()
    return redirect("sandbox:ledger")


@require_safe
def mailbox(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    mails = Mail.objects.defer("source")[:100]
    if request.GET.get("format") == "json":
        return JsonResponse({"mails": [_mail(row) for row in mails]})
    chosen = get_object_or_404(Mail, pk=pk) if pk else Mail.objects.first()
    context = {
        "mails": mails,
        "chosen": chosen,
        "attachments": mail.attachments(chosen) if chosen else [],
    }
    return render(request, "sandbox/mailbox.html", context)


@require_GET
@xframe_options_sameorigin
def mail_html(request: HttpRequest, pk: int) -> HttpResponse:
    response = HttpResponse(get_object_or_404(Mail, pk=pk).html)
    response["Content-Security-Policy"] = MAIL_POLICY
    return response


@require_GET
def mail_attachment(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    files = mail.attachments(get_object_or_404(Mail, pk=pk))
    if number >= len(files):
        raise Http404
    name, content_type, content = files[number]
    safe = "".join(letter for letter in name if letter.isalnum() or letter in " ._-")
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{safe}"'},
    )


def _mail(row: Mail) -> dict[str, object]:
    return {
        "id": row.pk,
        "sender": row.sender,
        "recipients": row.recipients,
        "subject": row.subject,
        "text": row.text,
        "html": row.html,
    }


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
        return wanted
    return "sandbox:index"
