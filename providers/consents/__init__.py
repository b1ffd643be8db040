"""Merchants' consents by OpenID Connect, for any provider that asks for one."""
