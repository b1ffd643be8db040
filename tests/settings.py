"""The site's settings as tests run it.

pytest-django loads settings before any conftest, so the environment is set here. What the caller
exported wins, except VAR_DIR: every run (and every xdist worker) has a folder of its own, and a
process that a test starts finds the same folder.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def _var_dir() -> Path:
    if "TESTS_VAR_DIR" not in os.environ:
        os.environ["TESTS_VAR_DIR"] = tempfile.mkdtemp(prefix="invoicing-tests-")
        atexit.register(shutil.rmtree, os.environ["TESTS_VAR_DIR"], ignore_errors=True)
    folder = Path(os.environ["TESTS_VAR_DIR"]) / os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder.mkdir(exist_ok=True)
    return folder


os.environ["VAR_DIR"] = str(_var_dir())
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789" * 5)
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", "Z8TzxUvB4Yl3m0cKq3dKqQe9bWnF4u9GkI5i5jv8b0w=")
os.environ.setdefault("SANDBOX", "true")
os.environ.setdefault("PLAIN_STATIC", "true")
os.environ.setdefault("DEBUG", "false")
os.environ.setdefault("LOG_LEVEL", "WARNING")
# Wake-ups go nowhere: tests call what a worker would.
os.environ.setdefault("CELERY_BROKER_URL", "memory://localhost/")

from invoicing_site.settings import *  # noqa: E402, F403 - the environment must be set first

# The real one takes a tenth of a second per sign-in, by design.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The server warns of a folder that is not there, and warnings are errors.
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
# Each thread of the live server would keep its connection, and the database could not be dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
