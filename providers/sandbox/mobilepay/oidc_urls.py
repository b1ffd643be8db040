"""The merchant portal and the token service, below the provider's base address."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, path

from providers.sandbox.mobilepay import authorize, discovery, portal, token_endpoint

SERVICE = "merchant-authentication-openidconnect"
KNOWN = ".well-known/openid-configuration"


def page(route: str, view: Callable[..., Any], name: str) -> URLPattern:
    """Mount a page that nobody signs in to our site for."""
    return path(route, login_not_required(view), name=name)


urlpatterns = [
    page("account/", portal.home, "portal_home"),
    page("account/login/", portal.login, "portal_login"),
    page("account/logout/", portal.logout, "portal_logout"),
    page("account/consent/", portal.consent, "portal_consent"),
    page("account/integration/", portal.integration, "portal_integration"),
    page(f"account/{KNOWN}", discovery.configuration, "portal_discovery"),
    page("account/connect/authorize", authorize.authorize, "portal_authorize"),
    page("account/connect/endsession", portal.end_session, "portal_end_session"),
    # The older documentation names only the token service, which answered discovery as well.
    page(f"{SERVICE}/{KNOWN}", discovery.configuration, "portal_old_discovery"),
    page(f"{SERVICE}/{KNOWN}/jwks", discovery.jwks, "portal_jwks"),
    page(f"{SERVICE}/connect/token", token_endpoint.token, "portal_token"),
    page(f"{SERVICE}/connect/introspect", token_endpoint.introspect, "portal_introspect"),
]
