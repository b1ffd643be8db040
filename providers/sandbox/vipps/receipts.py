"""Order lines: one schema, used inside create payment and by Order Management.

Nothing here checks that the lines add up: the real API does not either, the app just hides them.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from providers.sandbox.vipps.problems import Refusal, invalid

Check = Callable[[Any], bool]
UNITS = {"PCS", "KG", "KM", "MINUTE", "LITRE", "KWH"}
BARCODES = {"EAN-13", "CODE 39", "CODE 128"}
QUANTITY = re.compile(r"\d+([.]\d{1,8})?")


def is_int(value: Any) -> bool:
    """Tell whether a JSON value is an integer; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _amount(value: Any) -> bool:
    return is_int(value) and value >= 0


def _between(low: int, high: int) -> Check:
    return lambda value: is_int(value) and low <= value <= high


def _quantity(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 10 and bool(QUANTITY.fullmatch(value))


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


LINE: dict[str, Check] = {
    "name": is_text,
    "id": is_text,
    "totalAmount": is_int,
    "totalAmountExcludingTax": is_int,
    "totalTaxAmount": is_int,
    "taxRate": _between(0, 10_000),
    "taxPercentage": _between(0, 100),
    "unitInfo": lambda value: isinstance(value, dict),
    "discount": _amount,
    "productUrl": is_text,
    "isReturn": _flag,
    "isShipping": _flag,
}
LINE_REQUIRED = ("name", "id", "totalAmount", "totalAmountExcludingTax", "totalTaxAmount")
UNIT_INFO: dict[str, Check] = {
    "unitPrice": _amount,
    "quantity": _quantity,
    "quantityUnit": lambda value: value in UNITS,
}
BOTTOM: dict[str, Check] = {
    "currency": lambda value: isinstance(value, str) and len(value) == 3,
    "tipAmount": _amount,
    "posId": is_text,
    "paymentSources": lambda value: isinstance(value, dict),
    "barcode": lambda value: isinstance(value, dict),
    "receiptNumber": is_text,
    # Deprecated, still taken: totals are computed from the lines.
    "totalAmount": is_int,
    "totalTax": is_int,
    "totalDiscount": is_int,
    "shippingAmount": is_int,
    "shippingInfo": lambda value: isinstance(value, dict),
    "giftCardAmount": is_int,
    "terminalId": is_text,
}
SOURCES: dict[str, Check] = dict.fromkeys(("giftCard", "card", "voucher", "cash"), _amount)
BARCODE: dict[str, Check] = {"format": lambda value: value in BARCODES, "data": is_text}


def check(receipt: Any, *, path: str = "receipt") -> None:
    """Check a receipt. Raises Refusal naming the first wrong field by its JSON path."""
    _shape(receipt, {"orderLines": _lines, "bottomLine": _is_object}, path, required=True)
    for index, line in enumerate(receipt["orderLines"]):
        _line(line, f"{path}.orderLines[{index}]")
    bottom, where = receipt["bottomLine"], f"{path}.bottomLine"
    fields(bottom, BOTTOM, where, required=("currency",))
    if "paymentSources" in bottom:
        fields(bottom["paymentSources"], SOURCES, f"{where}.paymentSources")
    if "barcode" in bottom:
        fields(bottom["barcode"], BARCODE, f"{where}.barcode", required=("format", "data"))


def fields(
    value: Any, checks: Mapping[str, Check], path: str, required: Collection[str] = ()
) -> None:
    """Check one object: no unknown names, none of the required missing, each value right.

    A null is as good as absent. Raises Refusal.
    """
    if not isinstance(value, dict):
        raise invalid(path, "must be an object")
    prefix = f"{path}." if path else ""
    for name in value:
        if name not in checks:
            raise invalid(f"{prefix}{name}", f"Could not find member '{name}' on object.")
    for name in required:
        if value.get(name) is None:
            raise invalid(f"{prefix}{name}", f"The {name} field is required.")
    for name, content in value.items():
        if content is not None and not checks[name](content):
            raise invalid(f"{prefix}{name}", f"The value of {name} is not valid.")


def _shape(value: Any, checks: Mapping[str, Check], path: str, *, required: bool) -> None:
    fields(value, checks, path, required=tuple(checks) if required else ())


def _line(line: Any, path: str) -> None:
    fields(line, LINE, path, required=LINE_REQUIRED)
    if ("taxRate" in line) == ("taxPercentage" in line):
        raise _one_rate(path)
    if line.get("unitInfo") is not None:
        fields(line["unitInfo"], UNIT_INFO, f"{path}.unitInfo", required=("unitPrice", "quantity"))


def _one_rate(path: str) -> Refusal:
    return invalid(f"{path}.taxRate", "One of taxRate and taxPercentage must be set.")


def _lines(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
