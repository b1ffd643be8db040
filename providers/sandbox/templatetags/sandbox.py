from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def minor(value: int) -> str:
    """Write minor units as kroner or euros: thin space between thousands, decimal comma."""
    whole, rest = divmod(abs(int(value)), 100)
    thousands = f"{whole:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    sign = "\N{MINUS SIGN}" if int(value) < 0 else ""
    return f"{sign}{thousands},{rest:02d}"


@register.filter
def major(value: Decimal | float | str) -> str:
    """Write major units the same way; what is no number is written as it is."""
    try:
        return minor(round(Decimal(str(value)) * 100))
    except ArithmeticError:
        return str(value)


@register.filter
def msisdn(digits: str) -> str:
    """Write a number so that it can be read: +47 912 34 567."""
    for code in ("358", "47", "45"):
        if digits.startswith(code):
            rest = digits.removeprefix(code)
            groups = [rest[:3], rest[3:5], rest[5:]] if code == "47" else _pairs(rest)
            return f"+{code} {' '.join(group for group in groups if group)}"
    return f"+{digits}" if digits else ""


@register.filter
def provider(name: str) -> str:
    """Write a provider's name as people say it."""
    return {"vipps": "Vipps MobilePay", "mobilepay": "MobilePay Invoice"}.get(name, name)


@register.filter
def rate(hundredths: int) -> str:
    """Write a tax rate given in hundredths of a percent: 2550 is 25,5."""
    text = f"{int(hundredths) / 100:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one icon of the page's sprite; decorative, the word beside it says the same."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#{}"/></svg>', name)


def _pairs(digits: str) -> list[str]:
    return [digits[start : start + 2] for start in range(0, len(digits), 2)]
