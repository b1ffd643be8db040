"""The sample merchants, their issuers and their staff."""

from __future__ import annotations

import io
import math
from typing import Any

from PIL import Image, ImageDraw

from invoicing_site.demo.signins import PASSWORD, SIGN_INS
from invoicing_site.merchants.models import Issuer, Membership, Merchant, User

# Norwegian numbers from the range that is kept for made-up companies.
MERCHANTS: dict[str, dict[str, Any]] = {
    "nordlys": {
        "name": "Nordlys Sykkel AS",
        "country": "NO",
        "org_number": "312045672",
        "vat_number": "NO312045672MVA",
    },
    "havblikk": {
        "name": "Havblikk Kystferie AS",
        "country": "NO",
        "org_number": "313077888",
        "vat_number": "NO313077888MVA",
    },
}
ISSUERS: tuple[dict[str, Any], ...] = (
    {
        "merchant": "nordlys",
        "name": "Nordlys Sykkel Oslo",
        "legal_note": "Foretaksregisteret",
        "street": "Markveien 35",
        "postcode": "0554",
        "city": "Oslo",
        "country": "NO",
        "email": "faktura@nordlys.example",
        "phone": "+4722334455",
        "website": "https://nordlys.example",
        "currency": "NOK",
        "bank_account": "15038412342",
        "iban": "NO9515038412342",
        "bic": "DNBANOKK",
        "colour": "#0b5b70",
        "number_prefix": "N-",
        "first_number": 1001,
        "kid_algorithm": "mod10",
        "terms": "Ved forsinket betaling beregnes forsinkelsesrente etter loven.",
    },
    {
        "merchant": "nordlys",
        "name": "Nordlys Cykler København",
        "legal_note": "Filial af Nordlys Sykkel AS",
        "street": "Nørrebrogade 88",
        "postcode": "2200",
        "city": "København N",
        "country": "DK",
        "email": "faktura@nordlys.example",
        "phone": "+4533445566",
        "website": "https://nordlys.example",
        "currency": "DKK",
        "iban": "DK3450510001234567",
        "bic": "DABADKKK",
        "colour": "#7a2e5d",
        "number_prefix": "K-",
        "first_number": 501,
        "terms": "Ved forsinket betaling beregnes rente efter renteloven.",
        "prices_include_vat": True,
        "terms_days": 10,
        "capture_automatically": False,
    },
    {
        "merchant": "nordlys",
        "name": "Nordlys Pyörät Helsinki",
        "legal_note": "Nordlys Sykkel AS, sivuliike Suomessa",
        "street": "Hämeentie 31",
        "postcode": "00500",
        "city": "Helsinki",
        "country": "FI",
        "email": "faktura@nordlys.example",
        "phone": "+358912345678",
        "website": "https://nordlys.example",
        "currency": "EUR",
        "iban": "FI2112345600000785",
        "bic": "NDEAFIHH",
        "colour": "#20508f",
        "number_prefix": "P-",
        "first_number": 301,
        "terms": "Viivästyskorko korkolain mukaan.",
        "prices_include_vat": True,
    },
    {
        "merchant": "havblikk",
        "name": "Havblikk Kystferie",
        "street": "Strandgata 4",
        "postcode": "8001",
        "city": "Bodø",
        "country": "NO",
        "email": "post@havblikk.example",
        "currency": "NOK",
        "bank_account": "15038412350",
        "colour": "#1f5132",
        "number_prefix": "H-",
    },
)


def make() -> None:
    """Make the merchants, issuers and staff accounts."""
    merchants = {
        slug: Merchant.objects.get_or_create(slug=slug, defaults=fields)[0]
        for slug, fields in MERCHANTS.items()
    }
    for fields in ISSUERS:
        own = {name: value for name, value in fields.items() if name not in {"merchant", "name"}}
        Issuer.objects.get_or_create(
            merchant=merchants[fields["merchant"]],
            name=fields["name"],
            defaults=own | {"logo": logo(fields["colour"])},
        )
    for sign_in in SIGN_INS:
        user = _user(sign_in.email, sign_in.first_name, sign_in.last_name, not sign_in.role)
        if sign_in.role:
            Membership.objects.get_or_create(
                user=user, merchant=merchants[sign_in.merchant], defaults={"role": sign_in.role}
            )


def logo(colour: str, size: int = 256) -> bytes:
    """Draw a wheel in the issuer's colour. Returns a PNG."""
    image = Image.new("RGBA", (size, size), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    middle, rim, hub = size / 2, size * 0.46, size * 0.09
    draw.ellipse(_around(middle, rim), outline=colour, width=size // 14)
    for spoke in range(8):
        angle = math.tau * spoke / 8
        far = (middle + math.cos(angle) * rim * 0.9, middle + math.sin(angle) * rim * 0.9)
        draw.line([(middle, middle), far], fill=colour, width=size // 42)
    draw.ellipse(_around(middle, hub), fill=colour)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _around(middle: float, radius: float) -> list[tuple[float, float]]:
    return [(middle - radius, middle - radius), (middle + radius, middle + radius)]


def _user(email: str, first_name: str, last_name: str, is_operator: bool) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        make_user = User.objects.create_superuser if is_operator else User.objects.create_user
        user = make_user(email, PASSWORD, first_name=first_name, last_name=last_name)
    return user
