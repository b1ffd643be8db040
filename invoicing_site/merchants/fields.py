"""Model fields shared by all floors."""

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def box() -> MultiFernet:
    """Return the cipher of the configured keys: the first encrypts, all decrypt."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))


class EncryptedJSONField(models.TextField):  # type: ignore[type-arg]
    """Any JSON value, encrypted at rest. `manage.py rotate_keys` re-encrypts with the newest key.

    Raises ImproperlyConfigured when no configured key opens a stored value.
    """

    def get_prep_value(self, value: Any) -> str | None:
        """Encrypt for the database; nothing stays NULL, so that it can be asked for."""
        if value is None:
            return None
        return box().encrypt(json.dumps(value).encode()).decode()

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        """Decrypt from the database."""
        if value is None:
            return None
        try:
            return json.loads(box().decrypt(value.encode()))
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "No key in FIELD_ENCRYPTION_KEYS opens a stored secret. "
                "Add the key it was written with."
            ) from error

    def to_python(self, value: Any) -> Any:
        """Values in memory are plain."""
        return value
