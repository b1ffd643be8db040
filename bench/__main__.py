"""Run the benchmarks and print their table.

Everything happens in a folder and database of its own. The database is SQLite, or what
BENCH_DATABASE_URL names (an empty PostgreSQL database, say); the broker is in memory, or what
BENCH_BROKER_URL names. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

MODULES = ("pdf", "hosted", "push", "batch", "callbacks", "webhooks", "list", "statements")
HEAD = ("", "value", "reference", "ratio", "target", "")


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, or all. Returns the exit status."""
    if strangers := set(wanted) - set(MODULES):
        print(f"No such benchmark: {', '.join(sorted(strangers))}. There are {', '.join(MODULES)}.")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        _set_up(folder)
        return _run(wanted or list(MODULES))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _set_up(folder: Path) -> None:
    os.environ.update(
        VAR_DIR=str(folder),
        SECRET_KEY="only-for-benchmarks-" + "0123456789" * 4,
        FIELD_ENCRYPTION_KEYS="Z8TzxUvB4Yl3m0cKq3dKqQe9bWnF4u9GkI5i5jv8b0w=",
        SANDBOX="true",
        DEBUG="false",
        PLAIN_STATIC="true",
        LOG_LEVEL="WARNING",
        DJANGO_SETTINGS_MODULE="bench.settings",
        CELERY_BROKER_URL=os.environ.get("BENCH_BROKER_URL", "memory://localhost"),
    )
    os.environ.pop("DATABASE_URL", None)
    if url := os.environ.get("BENCH_DATABASE_URL"):
        os.environ["DATABASE_URL"] = url

    (folder / "static").mkdir()
    import django  # noqa: PLC0415 -- the environment comes first

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- needs the set-up

    call_command("migrate", verbosity=0)


def _run(names: list[str]) -> int:
    rows = []
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench.{name}").run()
    table = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    for row in rows:
        if row.note:
            print(f"\n{row.name}: {row.note}")
    return 0 if all(row.is_good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
