#!/bin/sh
# Installs the Debian packages that the integration tests use: a real Dovecot and a real PostgreSQL.
# As root, or with sudo that asks no password; otherwise those tests say why they are skipped.
set -eu
missing=""
PATH="$PATH:/usr/sbin"
command -v dovecot >/dev/null 2>&1 || missing="$missing dovecot-imapd"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "not a Debian system: tests that need$missing will be skipped"; exit 0
fi
if [ "$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo"; else
  echo "no right to install packages: tests that need$missing will be skipped"; exit 0
fi
echo "installing for the tests:$missing"
# No service is to start: the tests start their own, on loopback and high ports, and stop them.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod 755 "$policy" && made=1; fi
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null || status=$?
[ -z "$made" ] || $as_root rm -f "$policy"
exit "${status:-0}"
