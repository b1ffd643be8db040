"""A logo field that survives a form sent back: a browser never fills in a file again."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from invoicing_site.merchants import logos
from invoicing_site.merchants.models import Issuer

if TYPE_CHECKING:
    Base = forms.ModelForm[Issuer]
else:
    Base = object


class KeptLogo(Base):
    """Adds an upload, a box that removes the logo, and what was uploaded a moment ago.

    What comes back in the hidden field was ours, but travelled: it is decoded anew like any file.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["logo"] = forms.FileField(
            label=_("Logo"),
            required=False,
            widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
            help_text=_("PNG or JPEG, at most 2 MB. It is made to fit 600 × 200 pixels."),  # noqa: RUF001
        )
        self.fields["logo_kept"] = forms.CharField(required=False, widget=forms.HiddenInput)
        if self.instance.logo:
            self.fields["remove_logo"] = forms.BooleanField(
                label=_("Remove the logo"), required=False
            )

    def clean_logo(self) -> bytes | None:
        """Return the upload as a clean PNG, or None."""
        upload = self.cleaned_data.get("logo")
        if not upload:
            return None
        if upload.size > logos.MAX_BYTES:
            raise logos.too_heavy(upload.size)
        return logos.clean(upload.read())

    def clean_logo_kept(self) -> bytes | None:
        """Return what was uploaded with an earlier try, or None when it is not ours."""
        kept = self.cleaned_data.get("logo_kept", "")
        try:
            return logos.clean(base64.b64decode(kept, validate=True)) if kept else None
        except (binascii.Error, ValidationError):
            return None

    def chosen_logo(self) -> bytes | None:
        """Return the new logo, b"" when it is to go, None when it stays. Call when cleaned."""
        data = self.cleaned_data
        new: bytes | None = data.get("logo") or data.get("logo_kept")
        if new is None and data.get("remove_logo"):
            return b""
        return new

    def waiting_logo(self) -> str:
        """Return, for the hidden field, the uploaded logo that is not stored yet."""
        data = getattr(self, "cleaned_data", {})
        new = data.get("logo") or data.get("logo_kept")
        return base64.b64encode(new).decode() if new else ""

    def shown_logo(self) -> str:
        """Return the logo to preview as a data address: the waiting one, else the stored one."""
        if waiting := self.waiting_logo():
            return f"data:image/png;base64,{waiting}"
        stored = bytes(self.instance.logo)
        return f"data:image/png;base64,{base64.b64encode(stored).decode()}" if stored else ""
