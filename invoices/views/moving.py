"""Moving over: paste or upload what another system sent, look at it, take it in, read what changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from invoices import moving
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import Issuer, Merchant
from invoicing_site.merchants.permissions import biller
from providers.contract import TakenInvoice
from providers.mobilepay_invoice import successor, taking_in

LARGEST = 2 * 1024 * 1024


class TakeInForm(forms.Form):
    """What to take in, pasted or as a file, and the issuer whose drafts it becomes."""

    issuer = forms.ModelChoiceField(
        Issuer.objects.none(), label=gettext_lazy("Issuer"), empty_label=None
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        allow_empty_file=True,
        help_text=gettext_lazy("JSON or CSV, at most 2 MB."),
    )
    text = forms.CharField(
        label=gettext_lazy("Or paste it here"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "textarea code"}),
    )

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = merchant.issuers.filter(active=True)
        self.fields["issuer"].queryset = rows  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Hold what was given to its size; a file counts before what was pasted."""
        data = super().clean() or self.cleaned_data
        upload = data.get("file")
        size = upload.size if upload else len((data.get("text") or "").encode())
        if size > LARGEST:
            words = _("This has %(size).1f MB; 2 MB fit. Split it and take it in in parts.")
            self.add_error("file" if upload else "text", words % {"size": size / 1024 / 1024})
        elif upload:
            data["content"] = upload.read()
        else:
            data["content"] = (data.get("text") or "").replace("\r\n", "\n").encode()
        return data


@biller
def start(request: StaffRequest) -> HttpResponse:
    """Ask for invoices, show what was read of them, and take them in when staff say so."""
    if request.method != "POST":
        return render(request, "invoices/moving_start.html", _shown(request, _form(request)))
    form = _form(request)
    if not form.is_valid():
        return render(request, "invoices/moving_start.html", _shown(request, form), status=422)
    read = taking_in.read(form.cleaned_data["content"])
    taken = [each for each in read if isinstance(each, TakenInvoice)]
    refused = [each for each in read if not isinstance(each, TakenInvoice)]
    if len(read) > moving.MOST:
        words = _("Here are %(count)d invoices; %(most)d fit at once. Split them.")
        form.add_error(None, words % {"count": len(read), "most": moving.MOST})
    elif request.POST.get("do") == "take" and taken:
        return _take(request, form.cleaned_data["issuer"], taken, refused)
    return _preflight(request, form, taken, refused)


def _form(request: StaffRequest) -> TakeInForm:
    if request.method != "POST":
        return TakeInForm(merchant=request.merchant)
    return TakeInForm(request.POST, request.FILES, merchant=request.merchant)


def _preflight(
    request: StaffRequest, form: TakeInForm, taken: list[TakenInvoice], refused: list[Any]
) -> HttpResponse:
    """Show each invoice with what stands in its way. A file's text stays in the page."""
    found = []
    if not form.errors:
        found = moving.preflight(request.merchant, form.cleaned_data["issuer"], taken)
    ready = [each for each in found if not each.problems]
    context = _shown(request, form) | {
        "text": form.cleaned_data["content"].decode("utf-8-sig", "replace"),
        "found": found,
        "refused": refused,
        "ready": len(ready),
        "looked": not form.errors,
    }
    status = 200 if ready else 422
    return render(request, "invoices/moving_start.html", context, status=status)


def _shown(request: StaffRequest, form: TakeInForm) -> dict[str, Any]:
    return {
        "form": form,
        "text": request.POST.get("text", ""),
        "names": [place.field for place in successor.PLACES],
    }


def _take(
    request: StaffRequest, issuer: Issuer, taken: list[TakenInvoice], refused: list[Any]
) -> HttpResponse:
    report = moving.take_in(
        merchant=request.merchant,
        issuer=issuer,
        taken=taken,
        by=request.user,
        now=timezone.now(),
        language=get_language() or "en",
    )
    context = {
        "report": report,
        "refused": refused,
        "issuer": issuer,
        "places": successor.PLACES,
        "limits": successor.LIMITS,
    }
    return render(request, "invoices/moving_report.html", context)
