"""Holds requests and answers against MobilePay's own OpenAPI file, where it is at hand.

The file writes names in camelCase; on the wire they are PascalCase, so names are compared
without case. The file is not ours to publish: it lies beside the repository, in
`../shared/openapi`, or where OPENAPI_FILES says. With CI=true a missing file is a failure.
"""

import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("OPENAPI_FILES", ROOT.parent / "shared" / "openapi"))
FILE = FOLDER / "mobilepay-invoice-1.5.yaml"
IS_OPTIONAL = os.environ.get("CI", "").casefold() != "true"
ERROR = "RestAPI.Middleware.Models.ErrorDetails"
STATE = "Contracts.Enums.DirectInvoiceConsentState"
GATEWAY = {"httpCode", "httpMessage", "moreInformation"}
needs_file = pytest.mark.skipif(
    IS_OPTIONAL and not FILE.is_file(),
    reason=f"The provider's OpenAPI file is not at {FILE}.",
)


def is_wanted() -> bool:
    """Tell whether there is a file to hold things against, or has to be one."""
    return FILE.is_file() or not IS_OPTIONAL


def faults(model: str, body: Any) -> list[str]:
    """List what is wrong with a body by one of the file's models."""
    schema = {"$ref": f"#/components/schemas/{model}", "components": _components()}
    validator = OAS30Validator(schema, format_checker=oas30_format_checker)
    found = validator.iter_errors(_plain(body))
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in found]


# ---------------------------------------------------------------------------------- operations
def operation(method: str, path: str) -> dict[str, Any] | None:
    """Find what the file says of a call."""
    for template, operations in _content()["paths"].items():
        pattern = re.sub(r"\{[a-z]+\}", "[0-9a-f-]{36}", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def request_model(found: dict[str, Any]) -> str | None:
    """Name the model of a call's body, with [] for a list of them."""
    return _model(found.get("requestBody", {}))


def answer_faults(method: str, path: str, status: int, body: bytes) -> list[str]:
    """List what is wrong with an answer, by its call and status."""
    name = f"{method} {path} -> {status}"
    if (found := operation(method, path)) is None:
        return [f"{name} is not documented"]
    # The documentation says 201 of a question for consent, and the file 200.
    described = found["responses"].get("200" if status == 201 else str(status))
    if status < 400 and described is None:
        return [f"{name} is not documented"]
    model = _model(described or {})
    if status >= 400:
        return _error_faults(name, body, model or ERROR)
    if model is None:
        return [f"{name} has a body"] if body else []
    return [f"{name}: {fault}" for fault in faults(model, _read(body))]


def _error_faults(name: str, body: bytes, model: str) -> list[str]:
    """An error has no body, theirs, or that of the gateway in front of the API."""
    content = _read(body) if body else None
    if not body or (isinstance(content, dict) and set(content) == GATEWAY):
        return []
    return [f"{name}: {fault}" for fault in faults(model, content)]


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _model(described: dict[str, Any]) -> str | None:
    content = described.get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    name = (schema.get("items") or schema)["$ref"].rpartition("/")[2]
    return f"{name}[]" if schema.get("type") == "array" else str(name)


# ------------------------------------------------------------------------------------- schemas
@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return content


@lru_cache(maxsize=1)
def _components() -> dict[str, Any]:
    named = dict(_content()["components"]["schemas"])
    # Its own examples of an error are in snake_case, and have a GUID where it says "object".
    named[ERROR] = _in_snake_case(named[ERROR])
    named[ERROR]["properties"]["correlation_id"] = {"type": "string", "format": "uuid"}
    # The documentation writes words for the numbers, and says what none of them means.
    named[STATE] = {"anyOf": [named[STATE], {"enum": ["Pending", "Granted", "Denied"]}]}
    return {"schemas": {name: _lower(schema) for name, schema in named.items()}}


def _in_snake_case(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {_snake(name): one for name, one in schema["properties"].items()}
    return schema | {"properties": properties, "required": [_snake(n) for n in schema["required"]]}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def _lower(schema: dict[str, Any]) -> dict[str, Any]:
    lower = dict(schema)
    if "properties" in schema:
        lower["properties"] = {n.lower(): _open(one) for n, one in schema["properties"].items()}
    if "required" in schema:
        lower["required"] = [name.lower() for name in schema["required"]]
    return lower


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """Dates are typed as moments, and plain dates went through; so did readOnly answers."""
    kept = {name: value for name, value in schema.items() if name != "readOnly"}
    return (
        kept if kept.get("format") == "uuid" else {n: v for n, v in kept.items() if n != "format"}
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.lower(): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
