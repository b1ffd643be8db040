#!/usr/bin/env bash
# Checks, cheapest first, then the tests: on SQLite, on PostgreSQL, and with real workers on each broker.
# `.ci/test.sh checks` or `.ci/test.sh tests` does one half. With CI=true a missing service is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

export SECRET_KEY=${SECRET_KEY:-tests-only-secret-key-long-enough-for-every-check-0123456789}
export FIELD_ENCRYPTION_KEYS=${FIELD_ENCRYPTION_KEYS:-Z8TzxUvB4Yl3m0cKq3dKqQe9bWnF4u9GkI5i5jv8b0w=}
export SANDBOX=true DEBUG=false PLAIN_STATIC=true
unset DATABASE_URL CELERY_BROKER_URL PUBLIC_URL ALLOWED_HOSTS DJANGO_SETTINGS_MODULE || true
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VAR_DIR="$work/var"
mkdir -p "$VAR_DIR"

PG_SERVER=${TEST_PG_SERVER:-postgres://postgres@127.0.0.1:5432}
REDIS=${TEST_REDIS_URL:-redis://127.0.0.1:6379/9}
RABBIT=${TEST_RABBIT_URL:-amqp://guest:guest@127.0.0.1:5672//}

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

answers() {
  python - "$1" <<'PY' 2>/dev/null
import socket, sys
from urllib.parse import urlsplit
url = urlsplit(sys.argv[1])
socket.create_connection((url.hostname, url.port), timeout=2).close()
PY
}

checks() {
  step "Layout"; ruff format --check .
  step "Lint"; ruff check .
  step "Import contracts"; lint-imports
  step "Types"; mypy .
  step "Migrations match the models"; python manage.py makemigrations --check --dry-run
  step "Deployment checks, with production-like settings"
  DEBUG=false SANDBOX=false PLAIN_STATIC=false PUBLIC_URL=https://invoices.example.com \
    ALLOWED_HOSTS=invoices.example.com BEHIND_TLS_PROXY=true \
    DATABASE_URL="$PG_SERVER/production" CELERY_BROKER_URL=redis://127.0.0.1:6379/0 \
    EMAIL_URL=smtp://localhost:25 \
    python manage.py check --deploy --fail-level WARNING
}

require() {
  if answers "$2"; then echo "$1 answers at ${2%%\?*}"; return 0; fi
  if [ "${CI:-}" = true ]; then
    echo "$1 does not answer at $2, and in CI it must." >&2
    exit 1
  fi
  echo "$1 does not answer at $2: its tests are left out."
  return 1
}

case "${1:-}" in
  "") checks ;;
  checks) checks; exit 0 ;;
  tests) ;;
  *) echo "Say checks, tests, or nothing for both." >&2; exit 2 ;;
esac

step "Tests on SQLite"
pytest -n 2 --dist loadscope -m "not services"

step "Services"
brokers=""
postgres=no
require PostgreSQL "$PG_SERVER" && postgres=yes
require Redis "$REDIS" && brokers="$REDIS"
require RabbitMQ "$RABBIT" && brokers="${brokers:+$brokers }$RABBIT"

if [ "$postgres" = yes ]; then
  step "Tests on PostgreSQL"
  # A database name of our own, so that two runs on one machine do not meet. What is the same on
  # any database (tests/conftest.py says what) ran above.
  DATABASE_URL="$PG_SERVER/invoicing_$$" \
    pytest -n 2 --dist loadscope -m "not services and not once"
  if [ -n "$brokers" ]; then
    step "Real workers on PostgreSQL with: $brokers"
    TEST_PG_SERVER="$PG_SERVER" TEST_BROKERS="$brokers" \
      DATABASE_URL="$PG_SERVER/invoicing_$$" pytest -m services tests/services
  fi
fi

step "Done: SQLite, PostgreSQL $postgres, brokers ${brokers:-none}"
