"""Holds requests against the provider's own OpenAPI files, where they are at hand.

The files are not ours to publish: they lie beside the repository, in `../shared/openapi`, or
where OPENAPI_FILES says. Without them the checks are skipped, with that reason.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import requests
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("OPENAPI_FILES", ROOT.parent / "shared" / "openapi"))
HOST = "https://apitest.vipps.no"
FILES = {
    "/accesstoken/": "vippsmobilepay-access-token.yaml",
    "/epayment/": "vippsmobilepay-epayment.yaml",
    "/order-management/": "vippsmobilepay-order-management.yaml",
    "/vipps-userinfo-api/": "vippsmobilepay-userinfo.yaml",
    "/webhooks/": "vippsmobilepay-webhooks.yaml",
}


def available() -> bool:
    """Tell whether the files are there."""
    return all((FOLDER / name).is_file() for name in FILES.values())


@lru_cache(maxsize=8)
def _specification(name: str) -> OpenAPI:
    content = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    customer = content["components"].get("schemas", {}).get("Customer")
    if customer:
        # Their three alternatives require nothing, so that each value fits all of them and
        # `oneOf` refuses every customer.
        customer["anyOf"] = customer.pop("oneOf")
    _forbid_strangers(content["components"].get("schemas", {}))
    return OpenAPI.from_dict(content, config=Config(spec_validator_cls=None))


def _forbid_strangers(schemas: dict[str, Any]) -> None:
    """The API refuses fields that it does not know; the files only do not mention it."""
    for name in ("CreatePaymentRequest", "Receipt", "OrderLine", "BottomLine", "UnitInfo"):
        if name in schemas:
            schemas[name]["additionalProperties"] = False


def check(request: requests.PreparedRequest, base: str) -> None:
    """Validate path, headers and body of a request that went to `base`. Raises on any fault."""
    path = str(request.url).removeprefix(base)
    name = next(file for prefix, file in FILES.items() if path.startswith(prefix))
    copy = request.copy()
    copy.url = HOST + path
    _specification(name).validate_request(RequestsOpenAPIRequest(copy))
