"""Keeping an issuer: one number prefix per active issuer, and none changed once in use."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from invoicing_site.merchants.models import Issuer, Merchant

NUMBERING = ("number_prefix", "first_number")


def has_issued(issuer: Issuer) -> bool:
    """Say whether the issuer's number series is in use."""
    return issuer.pk is not None and issuer.series.exists()


def prefix_twin(issuer: Issuer, merchant: Merchant) -> Issuer | None:
    """Return another active issuer of the merchant with the same number prefix."""
    if not issuer.active:
        return None
    twins = merchant.issuers.filter(active=True, number_prefix__iexact=issuer.number_prefix)
    return twins.exclude(pk=issuer.pk).first()


def check(issuer: Issuer, merchant: Merchant) -> None:
    """Raise ValidationError, by field, where the numbering may not be as it is.

    A used series keeps its prefix and first number; the database is asked, not the form.
    """
    if has_issued(issuer) and _numbering_changed(issuer):
        raise ValidationError(
            {
                "number_prefix": _(
                    "The series is in use, so its prefix and first number stay as they are. "
                    "Make another issuer for another series."
                )
            }
        )
    if twin := prefix_twin(issuer, merchant):
        raise ValidationError({"number_prefix": _twin_words(issuer, twin)})


def store(issuer: Issuer, *, merchant: Merchant) -> Issuer:
    """Keep a new or changed issuer. Raises ValidationError by field when the numbering clashes.

    The merchant's row is locked, so that two people cannot give the same prefix at once.
    """
    with transaction.atomic(durable=True):
        Merchant.objects.select_for_update().get(pk=merchant.pk)
        issuer.merchant = merchant
        check(issuer, merchant)
        issuer.save()
    return issuer


def _numbering_changed(issuer: Issuer) -> bool:
    stored = Issuer.objects.only(*NUMBERING).get(pk=issuer.pk)
    return any(getattr(stored, name) != getattr(issuer, name) for name in NUMBERING)


def _twin_words(issuer: Issuer, twin: Issuer) -> str:
    if not issuer.number_prefix:
        return _(
            "%(issuer)s has no prefix either, so their numbers would be the same. "
            "Give this issuer a prefix, like OSL-."
        ) % {"issuer": twin.name}
    return _(
        "%(issuer)s uses the prefix “%(prefix)s” too, so their numbers would be the same. "
        "Choose another prefix."
    ) % {"issuer": twin.name, "prefix": issuer.number_prefix}
