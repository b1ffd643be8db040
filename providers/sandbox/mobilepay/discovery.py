"""The discovery document and the published keys."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from providers.sandbox.mobilepay import keys, tokens, wording
from providers.sandbox.mobilepay.calls import Answer, serve

ENDPOINTS = {
    "authorization_endpoint": "sandbox:portal_authorize",
    "token_endpoint": "sandbox:portal_token",
    "jwks_uri": "sandbox:portal_jwks",
    "introspection_endpoint": "sandbox:portal_introspect",
    "end_session_endpoint": "sandbox:portal_end_session",
}


def configuration(request: HttpRequest) -> HttpResponseBase:
    """GET .well-known/openid-configuration."""
    return serve(request, "discovery", "", lambda: Answer(200, _document(request)))


def jwks(request: HttpRequest) -> HttpResponseBase:
    """GET the keys that tokens are signed with."""
    return serve(request, "jwks", "", lambda: Answer(200, keys.jwks()))


def _document(request: HttpRequest) -> dict[str, Any]:
    here = {name: request.build_absolute_uri(reverse(view)) for name, view in ENDPOINTS.items()}
    # The issuer is a constant that is no prefix of these addresses, as in the real document.
    return (
        {"issuer": tokens.ISSUER}
        | here
        | {
            "frontchannel_logout_supported": True,
            "frontchannel_logout_session_supported": True,
            "scopes_supported": list(wording.SCOPES),
            "response_types_supported": ["code id_token"],
            "response_modes_supported": ["form_post", "fragment"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub", "auth_time", "idp", "amr"],
        }
    )
