"""Form fields as our pages draw them."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField

register = template.Library()


@register.inclusion_tag("parts/fields.html")
def fields(form: forms.BaseForm, names: str = "") -> dict[str, list[BoundField]]:
    """Draw the named fields (parted by blanks), or all of a form that are not hidden.

    A name that the form lacks is left out: forms may drop a field that cannot be changed now.
    """
    chosen = names.split() if names else [field.name for field in form.visible_fields()]
    return {"fields": [form[name] for name in chosen if name in form.fields]}


@register.filter
def is_check(field: BoundField) -> bool:
    """Say whether a field is a single box to tick."""
    return isinstance(field.field.widget, forms.CheckboxInput)


@register.filter
def is_group(field: BoundField) -> bool:
    """Say whether a field is several boxes or circles under one heading."""
    return isinstance(field.field.widget, forms.CheckboxSelectMultiple | forms.RadioSelect)


@register.filter
def is_file(field: BoundField) -> bool:
    """Say whether a field takes a file."""
    return isinstance(field.field.widget, forms.FileInput)


@register.filter
def last_four(secret: Any) -> str:
    """Show enough of a stored secret to recognise it, and nothing of a short one."""
    return f"•••• {str(secret)[-4:]}" if len(str(secret)) >= 12 else "••••"
