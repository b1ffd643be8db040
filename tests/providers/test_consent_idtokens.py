"""Id tokens: a right one is believed, and each forgery is refused for its own reason."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from providers.consents import idtokens, words
from tests.providers import consent_server as server

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
CODE, NONCE, ACCESS = "code-1", "nonce-1", "access-1"
LATER, EARLIER = NOW + timedelta(seconds=90), NOW - timedelta(seconds=400)


@pytest.fixture
def account(monkeypatch):
    server.install(monkeypatch)
    return server.account()


@pytest.fixture
def provider():
    with server.serving() as found:
        yield found


def said(**more):
    return server.claims(NOW, **({"nonce": NONCE, "c_hash": server.half(CODE)} | more))


def read(account, token, code=CODE):
    wanted = idtokens.expected(account, now=NOW, nonce=NONCE)
    return idtokens.front_channel(account, token, wanted, code=code)


def spoiled(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{signature[:-6]}AAAAAA"


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def by_hand(alg: str) -> str:
    """A token as no library would sign it: with `alg` in its head and the right claims."""
    head = part(json.dumps({"alg": alg, "kid": "first"}).encode())
    return f"{head}.{server.signed(said()).split('.')[1]}"


def unsigned() -> str:
    return by_hand("none") + "."


def with_our_public_key() -> str:
    """What everybody may know is taken for a shared secret."""
    text = by_hand("HS256")
    secret = server.KEY.as_pem(private=False)
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


FORGED = {
    "bad signature": ("signature", lambda: spoiled(server.signed(said()))),
    "a stranger's key under our kid": ("signature", lambda: server.signed(said(), server.STRANGER)),
    "unknown kid": ("key", lambda: server.signed(said(), server.LATER)),
    "no kid": ("key", lambda: server.signed(said(), kid="")),
    "alg none": ("algorithm", unsigned),
    "HS256 with the public key": ("algorithm", with_our_public_key),
    "RS512": ("algorithm", lambda: server.signed(said(), alg="RS512")),
    "wrong issuer": ("iss", lambda: server.signed(said(iss="https://issuer.example"))),
    "wrong audience": ("aud", lambda: server.signed(said(aud="somebody.else"))),
    "two audiences, no azp": (
        "azp",
        lambda: server.signed(said(aud=["backoffice.test", "somebody.else"])),
    ),
    "another's azp": ("azp", lambda: server.signed(said(azp="somebody.else"))),
    "expired": ("exp", lambda: server.signed(said(exp=int(EARLIER.timestamp())))),
    "not valid yet": ("nbf", lambda: server.signed(said(nbf=int(LATER.timestamp())))),
    "from the future": ("iat", lambda: server.signed(said(iat=int(LATER.timestamp())))),
    "wrong nonce": ("nonce", lambda: server.signed(said(nonce="another"))),
    "no nonce": ("nonce", lambda: server.signed(said(nonce=None))),
    "no c_hash": ("c_hash", lambda: server.signed(said(c_hash=None))),
    "wrong c_hash": ("c_hash", lambda: server.signed(said(c_hash=server.half("code-2")))),
    "no subject": ("missing", lambda: server.signed(said(sub=None))),
    "no issuer": ("missing", lambda: server.signed(said(iss=None))),
    "no expiry": ("missing", lambda: server.signed(said(exp=None))),
    "expiry is text": ("exp", lambda: server.signed(said(exp="2030-01-01"))),
    "not a token": ("unreadable", lambda: "not-a-token"),
    "nothing": ("unreadable", lambda: ""),
    "no ASCII": ("unreadable", lambda: server.signed(said()) + "ø"),
    "huge": ("unreadable", lambda: "a" * 20_000),
}


@pytest.mark.requirement("M1-12", "M1-16")
def test_right_token_names_the_user(account, provider):
    assert read(account, server.signed(said())) == server.SUBJECT


@pytest.mark.requirement("M1-16")
@pytest.mark.parametrize(("reason", "forge"), FORGED.values(), ids=FORGED)
def test_forged_token_is_refused_for_its_own_reason(account, provider, reason, forge):
    with pytest.raises(idtokens.Refused) as refusal:
        read(account, forge())

    assert refusal.value.reason == reason
    assert str(words.ID_TOKEN[reason]) in words.id_token_refused(reason)


@pytest.mark.requirement("M1-16")
@pytest.mark.parametrize("seconds", [-59, 59])
def test_clocks_may_differ_by_a_minute(account, provider, seconds):
    at = int(NOW.timestamp())
    ends = at + seconds if seconds < 0 else at + 300
    begins = at + seconds if seconds > 0 else at - 300

    assert read(account, server.signed(said(exp=ends, nbf=begins, iat=begins))) == server.SUBJECT


def test_list_of_our_own_name_with_azp_is_believed(account, provider):
    ours = server.CLIENT["client_id"]

    assert read(account, server.signed(said(aud=[ours, "x"], azp=ours))) == server.SUBJECT


@pytest.mark.requirement("M1-16")
def test_key_that_is_new_is_fetched_once(account, provider):
    read(account, server.signed(said()))
    provider.keys = [server.LATER]

    assert read(account, server.signed(said(), server.LATER)) == server.SUBJECT
    read(account, server.signed(said(), server.LATER))

    assert provider.count(f"{server.API}{server.JWKS_PATH}") == 2


def back_channel(account, subject=server.SUBJECT, **more):
    wanted = idtokens.expected(account, now=NOW, nonce=NONCE, subject=subject)
    claims = server.claims(NOW, **({"nonce": NONCE, "at_hash": server.half(ACCESS)} | more))
    return idtokens.back_channel(account, server.signed(claims), wanted, access_token=ACCESS)


@pytest.mark.requirement("M1-17")
def test_token_of_the_token_endpoint_is_bound_to_the_access_token(account, provider):
    assert back_channel(account) == server.SUBJECT


@pytest.mark.requirement("M1-16", "M1-17")
@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("at_hash", {"at_hash": None}),
        ("at_hash", {"at_hash": server.half("access-2")}),
        ("nonce", {"nonce": "another"}),
        ("nonce", {"nonce": None}),
        ("sub", {"sub": "somebody-else"}),
        ("iss", {"iss": "https://issuer.example"}),
    ],
)
def test_token_of_the_token_endpoint_is_checked_as_well(account, provider, reason, more):
    with pytest.raises(idtokens.Refused) as refusal:
        back_channel(account, **more)

    assert refusal.value.reason == reason
