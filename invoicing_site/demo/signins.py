"""Who may sign in to the demo, and the lines that say so."""

from pathlib import Path
from typing import NamedTuple

# Only ever on a site that plays its own providers: the seeding command refuses elsewhere.
PASSWORD = "nordlys-demo-2026"  # noqa: S105 -- printed on purpose
# Whoever decides for the merchants at the simulated provider's own portal.
PORTAL_EMAIL = "portal@nordlys.example"
PORTAL_PASSWORD = "portal-demo-2026"  # noqa: S105 -- the toy portal's


class SignIn(NamedTuple):
    """One staff account: who, at which merchant, in which role (empty for the operator)."""

    email: str
    first_name: str
    last_name: str
    merchant: str
    role: str


SIGN_INS = (
    SignIn("ingrid@nordlys.example", "Ingrid", "Nordahl", "nordlys", "owner"),
    SignIn("bjorn@nordlys.example", "Bjørn", "Aasen", "nordlys", "biller"),
    SignIn("vera@nordlys.example", "Vera", "Lindqvist", "nordlys", "viewer"),
    SignIn("otto@havblikk.example", "Otto", "Havblikk", "havblikk", "owner"),
    SignIn("admin@demo.example", "Demo", "Operator", "", ""),
)


def page(url: str, *, seconds: float, logs: Path) -> str:
    """Return what to open and who to be, as lines for a terminal."""
    rows = [f"  {each.email:<26} {_what(each)}" for each in SIGN_INS]
    return "\n".join(
        [
            "",
            f"Ready after {seconds:.0f} s.",
            f"  Staff pages          {url}/",
            f"  The providers        {url}/sandbox/",
            f"  Customer, Vipps      {url}/sandbox/phone/",
            f"  Customer, MobilePay  {url}/sandbox/mobilepay/phone/",
            f"  Merchant portal      {url}/sandbox/mobilepay/account/",
            f"  Admin                {url}/admin/",
            "",
            f"Sign in with the password {PASSWORD} as",
            *rows,
            f"and at the merchant portal with {PORTAL_PASSWORD} as",
            f"  {PORTAL_EMAIL:<26} may consent for the Danish and the Finnish company",
            "",
            f"Logs are in {logs}. Ctrl-C stops everything.",
        ]
    )


def _what(sign_in: SignIn) -> str:
    if not sign_in.role:
        return "operator of the site (/admin/)"
    return f"{sign_in.role} at {sign_in.merchant}"
