"""Where one demo lives: its folder, its secrets, and the environment its processes get."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
# What a shell may hold that would turn the demo into something else.
FOREIGN = ("DATABASE_URL", "CACHE_URL", "CELERY_BROKER_URL", "EMAIL_URL", "DJANGO_SETTINGS_MODULE")


class Busy(Exception):
    """Another demo uses the folder."""


class Home:
    """A folder with a database, queue files, logs and secrets that outlive a restart.

    `more` adds to the environment, for instance another database or broker.
    """

    def __init__(
        self, folder: Path, *, logs: Path | None = None, more: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.logs = logs or folder / "log"
        self.more = dict(more or {})

    def make(self) -> None:
        """Create what is missing, readable by its owner only."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(parents=True, exist_ok=True)

    def reset(self) -> None:
        """Remove everything but the lock, which we hold."""
        for entry in self.folder.iterdir():
            if entry.name == "lock":
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second demo out of the folder. Raises Busy when there is one."""
        self.make()
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(
                    f"A demo already runs in {self.folder}. Stop it first, or look at its page."
                ) from error
            yield

    def environment(self, port: int) -> dict[str, str]:
        """Return the environment of every process of this demo."""
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        here = f"http://127.0.0.1:{port}"
        return kept | {
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "VAR_DIR": str(self.folder),
            "SANDBOX": "true",
            "DEMO": "true",
            "DEBUG": "false",
            "PLAIN_STATIC": "false",
            "PUBLIC_URL": here,
            "CSRF_TRUSTED_ORIGINS": f"{here},http://localhost:{port}",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            **self._secrets(),
            **self.more,
        }

    def _secrets(self) -> dict[str, str]:
        path = self.folder / "secrets.json"
        if not path.exists():
            made = {
                "SECRET_KEY": secrets.token_urlsafe(60),
                "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            }
            path.touch(mode=0o600)
            path.write_text(json.dumps(made))
        kept: dict[str, str] = json.loads(path.read_text())
        return kept
