"""Holds bodies against MobilePay's own OpenAPI file, where it is at hand.

The file writes names in camelCase; on the wire they are PascalCase, or snake_case in errors. So
names are compared without case and underscores. The file is not ours to publish: it lies beside
the repository, in `../shared/openapi`, or where OPENAPI_FILES says.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("OPENAPI_FILES", ROOT.parent / "shared" / "openapi"))
FILE = FOLDER / "mobilepay-invoice-1.5.yaml"
needs_file = pytest.mark.skipif(
    not FILE.is_file(), reason=f"The provider's OpenAPI file is not at {FILE}."
)


def faults(model: str, body: Any) -> list[str]:
    """List what is wrong with a body by one of the file's models."""
    schema = {"$ref": f"#/components/schemas/{model}", "components": _components()}
    found = OAS30Validator(schema).iter_errors(_plain(body))
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in found]


@lru_cache(maxsize=1)
def _components() -> dict[str, Any]:
    components: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["components"]
    schemas = {name: _lower(schema) for name, schema in components["schemas"].items()}
    # The file calls this an object without members; its own examples have a GUID.
    schemas["RestAPI.Middleware.Models.ErrorDetails"]["properties"]["correlationid"] = {
        "type": "string"
    }
    return {"schemas": schemas}


def _lower(schema: dict[str, Any]) -> dict[str, Any]:
    lower = dict(schema)
    if "properties" in schema:
        properties = schema["properties"].items()
        # Dates are typed as moments; plain dates went through, and so did readOnly answers.
        lower["properties"] = {
            _key(name): {k: v for k, v in one.items() if k not in {"format", "readOnly"}}
            for name, one in properties
        }
    if "required" in schema:
        lower["required"] = [_key(name) for name in schema["required"]]
    return lower


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _key(name: str) -> str:
    return name.lower().replace("_", "")
