#!/bin/sh
# Makes the virtual environment; a bare Debian has Python without venv, so that package is fetched where we may.
set -eu
if "$PYTHON" -m venv "$VENV" >/dev/null 2>&1; then exit 0; fi
rm -rf "$VENV"
version=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
if [ "$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo"; else
  echo "Python's venv is missing. Install it, then run make again:  apt-get install $version" >&2
  exit 1
fi
echo "installing $version"
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends "$version" >/dev/null || $as_root apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
exec "$PYTHON" -m venv "$VENV"
