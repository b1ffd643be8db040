#!/usr/bin/env bash
# See to it that the Debian packages we need are there: `runtime` for the product, `tests` for its tests.
set -euo pipefail

runtime=(python3-venv libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)
tests=(chromium poppler-utils)

# Each package by what it gives, so that other ways of installing it count too.
have() {
  case "$1" in
    python3-venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null ;;
    libpango-1.0-0) library libpango-1.0.so.0 ;;
    libpangoft2-1.0-0) library libpangoft2-1.0.so.0 ;;
    libharfbuzz-subset0) library libharfbuzz-subset.so.0 ;;
    chromium) command -v "${CHROMIUM:-chromium}" >/dev/null ;;
    poppler-utils) command -v pdftotext >/dev/null ;;
  esac
}

library() {
  "${PYTHON:-python3}" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

missing=()
case "${1:-}" in
  runtime) wanted=("${runtime[@]}") ;;
  tests) wanted=("${tests[@]}") ;;
  *) echo "Say runtime or tests." >&2; exit 2 ;;
esac
for package in "${wanted[@]}"; do have "$package" || missing+=("$package"); done
[ ${#missing[@]} -gt 0 ] || exit 0

if can_install; then
  echo "Installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq >/dev/null || echo "apt-get update failed, trying with the lists there are."
  as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null && exit 0
fi
echo "These Debian packages are missing: ${missing[*]}" >&2
echo "Install them: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
# Without a browser the other tests still run, and say what they skip. In CI nothing is skipped.
[ "$1" = tests ] && [ "${CI:-}" != true ] || exit 1
