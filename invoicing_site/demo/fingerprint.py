"""Whether something has changed since we last looked."""

from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

from invoicing_site.demo.home import PROJECT


def of_static_files() -> str:
    """Return a hash that changes when our static files or an installed package change."""
    digest = sha256()
    for path in sorted((PROJECT / "static").rglob("*")):
        if path.is_file():
            digest.update(_line(path))
    for package in sorted(f"{each.name} {each.version}" for each in distributions()):
        digest.update(package.encode())
    return digest.hexdigest()


def _line(path: Path) -> bytes:
    seen = path.stat()
    return f"{path.relative_to(PROJECT)} {seen.st_mtime_ns} {seen.st_size}\n".encode()
