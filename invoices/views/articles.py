"""The price list: what is sold often."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.vary import vary_on_headers

from invoices import numbers, typed, vat
from invoices.models import Article
from invoices.rendering import words
from invoices.views.drafting import UNITS
from invoices.views.listing import today_of
from invoicing_site.merchants.http import StaffRequest
from invoicing_site.merchants.models import HOME_CURRENCY, Merchant
from invoicing_site.merchants.permissions import biller, viewer

if TYPE_CHECKING:
    Base = forms.ModelForm[Article]
else:
    Base = forms.ModelForm

MOST = 200


class ArticleForm(Base):
    """An article as staff type it: the price in their own notation, VAT by category and rate."""

    price = forms.CharField(label=gettext_lazy("Price without VAT"), max_length=40)
    vat = forms.ChoiceField(label=gettext_lazy("VAT"))
    unit = forms.ChoiceField(label=gettext_lazy("Unit"))

    class Meta:
        model = Article
        fields = ["description", "number", "unit", "price", "currency", "active"]

    field_order = ("description", "number", "unit", "price", "currency", "vat", "active")

    def __init__(self, *args: Any, merchant: Merchant, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merchant = merchant
        self.instance.merchant = merchant
        rates = vat.rates(merchant.country, today)
        choices = [(typed.vat_key(r.category, r.percent), _label(r)) for r in rates]
        self.fields["unit"] = forms.ChoiceField(
            label=gettext_lazy("Unit"), choices=[(code, words.unit(code)) for code in UNITS]
        )
        if self.instance.pk:
            kept = typed.vat_key(self.instance.vat_category, self.instance.vat_rate)
            self.initial["vat"] = kept
            self.initial["price"] = numbers.format_quantity(self.instance.price, _language())
            if kept not in dict(choices):
                # A rate that has ended stays visible, so that saving a text does not change it.
                choices.append((kept, kept))
        else:
            self.initial.setdefault("currency", HOME_CURRENCY[merchant.country])
        self.fields["vat"] = forms.ChoiceField(label=gettext_lazy("VAT"), choices=choices)
        self.order_fields(self.field_order)

    def clean_price(self) -> Decimal:
        """Read the price in the reader's notation, up to six decimals."""
        try:
            price = typed.number(self.cleaned_data["price"], _language())
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem
        if price < 0:
            raise forms.ValidationError(
                _("“%(value)s” is below zero. Give a return as a negative quantity instead."),
                params={"value": self.cleaned_data["price"]},
            )
        return price

    def save(self, commit: bool = True) -> Article:
        """Part the VAT choice into category and rate."""
        category, _colon, rate = self.cleaned_data["vat"].partition(":")
        self.instance.vat_category, self.instance.vat_rate = category, Decimal(rate)
        return super().save(commit)


def _language() -> str:
    return get_language() or "en"


def _label(rate: vat.VatRate) -> str:
    return f"{numbers.format_percent(rate.percent, _language())} {rate.label}"


@viewer
@vary_on_headers("HX-Request")
def article_list(request: StaffRequest) -> HttpResponse:
    """List articles by description; a price list is small, so one page holds it."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    rows = Article.objects.filter(merchant=request.merchant)
    for word in text.casefold().split():
        rows = rows.filter(search__contains=word)
    shown = list(rows.order_by("-active", "description", "pk")[: MOST + 1])
    context = {"rows": shown[:MOST], "more": len(shown) > MOST, "text": text, "most": MOST}
    template = "invoices/articles.html#rows" if request.htmx else "invoices/articles.html"
    return render(request, template, context)


@biller
def article_new(request: StaffRequest) -> HttpResponse:
    """Add an article."""
    return _edit(request, None)


@biller
def article_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Change an article. Drafts and invoices keep what they took from it."""
    return _edit(request, get_object_or_404(Article, merchant=request.merchant, pk=pk))


def _edit(request: StaffRequest, article: Article | None) -> HttpResponse:
    form = ArticleForm(
        request.POST or None,
        instance=article,
        merchant=request.merchant,
        today=today_of(request.merchant),
    )
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("article-list", merchant=request.merchant.slug)
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "article": article}
    return render(request, "invoices/article_edit.html", context, status=status)
