"""What the portal's screens say. In English only, like the sandbox's other screens."""

# Every scope that was ever named, with what the consent screen says about it.
SCOPES = {
    "openid": "See who you are",
    "offline_access": "Act while you are away, until you withdraw this consent",
    "invoice": "Send invoices for you, cancel them, and read how they are going",
    "subscriptions": "Create agreements and collect recurring payments",
    "transactionreporting": "Read your transactions and transfers",
    "merchantpayments": "Take online payments for you",
    "webhooks": "Be told when something happens",
}
WRONG_LOGIN = "The email or the password is wrong. Check both and try again."
LOST_REQUEST = (
    "This sign-in page has expired. Go back to the program you came from and start again."
)
NOT_YOURS = "{email} does not act for {vat}. Sign in as somebody who does."
NO_MERCHANT = "{email} acts for no merchant. Sign in as somebody who does."
NOT_MANAGER = (
    "Only a SuperManager may give an application access. Ask a SuperManager of {merchant} to sign "
    "in, or deny the request."
)
NOT_MANAGER_REMOVES = (
    "Only a SuperManager may remove an application's access. Ask a SuperManager of {merchant}."
)
DENIED = "The user denied the request"


def scope(name: str) -> str:
    """Say in words what a scope allows."""
    return SCOPES.get(name, name)
