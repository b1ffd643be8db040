"""Names of the wire live in one folder each (V-07): they were never promised to stay."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The provider's folder; its stand-in; what plays the customer or loads it for the demo.
MAY = ("providers/vipps_mobilepay/", "providers/sandbox/", "invoicing_site/demo/")
ROOMS = ("invoicing_site", "invoices", "customers", "providers", "templates", "static/js")
NAMES = re.compile(
    r"paymentDescription|userFlow|receiptInfo|receiptUrl|orderDetailsUrl|modificationAmount|"
    r"pspReference|cancelTransactionOnly|captureGuaranteedUntil|PUSH_MESSAGE|WEB_REDIRECT|"
    r"Ocp-Apim|Merchant-Serial-Number|x-ms-content|TERMINATED"
)


def files() -> list[Path]:
    """Sources and templates of ours that are not a provider's."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*")]
    wanted = [path for path in found if path.suffix in {".py", ".html", ".js", ".txt"}]
    names = {path: path.relative_to(ROOT).as_posix() for path in wanted}
    return [
        path
        for path, name in names.items()
        if not name.startswith(MAY) and not name.startswith("templates/sandbox/")
    ]


def test_there_is_something_to_look_at():
    assert len(files()) > 50


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_file_knows_no_wire_name(path):
    """V-07."""
    assert NAMES.findall(path.read_text(encoding="utf-8")) == []


def test_names_are_found_where_they_belong():
    body = (ROOT / "providers/vipps_mobilepay/bodies.py").read_text(encoding="utf-8")

    assert NAMES.search(body)
