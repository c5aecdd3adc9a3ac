#!/bin/sh
# Makes the virtual environment; a bare Debian has Python without venv, so that package is fetched where we may.
set -eu
if "$PYTHON" -m venv "$VENV" >/dev/null 2>&1; then exit 0; fi
rm -rf "$VENV"
version=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
quietly="env DEBIAN_FRONTEND=noninteractive"
if ! command -v apt-get >/dev/null 2>&1; then "$PYTHON" -m venv "$VENV"; exit; fi  # no Debian: let Python say what is wrong
if [ "$(id -u)" = 0 ]; then as_root="$quietly"; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo $quietly"; else
  echo "Python's venv is missing. Install it, then run make again:  apt-get install $version" >&2
  exit 1
fi
echo "installing $version"
log=$(mktemp)
install() { $as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$1"; }
{ $as_root apt-get update -qq && { install "$version" || install python3-venv; }; } >"$log" 2>&1 </dev/null || { cat "$log" >&2; rm -f "$log"; exit 1; }
rm -f "$log"
exec "$PYTHON" -m venv "$VENV"
