"""The RSA keys that sign tokens: made on first use, published as a JWKS, rotated on demand."""

import base64
import hashlib
import json
import secrets
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from providers.sandbox.models import SigningKey

BITS = 2048


def sign(claims: dict[str, Any], **header: Any) -> str:
    """Sign claims with the newest key. ``header`` overrides or adds header fields.

    The signature is always RS256 by that key, whatever the header says, so that a test can
    make a token that lies about its ``alg`` or ``kid``.
    """
    key = current()
    head = {"alg": "RS256", "kid": key.kid, "x5t": key.kid, "typ": "JWT"} | header
    signed = f"{b64(_compact(head))}.{b64(_compact(claims))}"
    signature = _private(key.private_pem).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{b64(signature)}"


def jwks() -> dict[str, list[dict[str, Any]]]:
    """Publish every key, the newest first."""
    current()
    return {"keys": [_public(key) for key in SigningKey.objects.all()]}


def current() -> SigningKey:
    """Return the key that signs now; the first call makes it."""
    return SigningKey.objects.first() or _make()


def rotate(*, withdraw: bool = False) -> SigningKey:
    """Sign with a new key from now on. ``withdraw`` also takes the older keys off the JWKS."""
    if withdraw:
        SigningKey.objects.all().delete()
    return _make()


def half_hash(text: str) -> str:
    """Hash a code or an access token the way ``c_hash`` and ``at_hash`` want it."""
    return b64(hashlib.sha256(text.encode("ascii")).digest()[:16])


def b64(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _make() -> SigningKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # The real service writes the certificate's thumbprint in both kid and x5t.
    return SigningKey.objects.create(kid=b64(secrets.token_bytes(20)), private_pem=pem.decode())


@lru_cache(maxsize=8)
def _private(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("A sandbox signing key is not an RSA key.")
    return key


def _public(key: SigningKey) -> dict[str, Any]:
    numbers = _private(key.private_pem).public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": key.kid,
        "x5t": key.kid,
        "n": _number(numbers.n),
        "e": _number(numbers.e),
    }


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _compact(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
