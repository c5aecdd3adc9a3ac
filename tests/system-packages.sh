#!/bin/sh
# Installs the Debian packages that the integration tests use: a real Dovecot, a real PostgreSQL and a real Chromium.
# As root, or with sudo that asks no password; otherwise those tests say why they are skipped.
set -eu
missing=""
services=""
PATH="$PATH:/usr/sbin"
command -v dovecot >/dev/null 2>&1 || { missing="$missing dovecot-imapd"; services="$services dovecot.service"; }
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { missing="$missing postgresql"; services="$services postgresql.service"; }
# A browser without a font draws nothing that could be measured.
browser="chromium fonts-liberation"
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 && browser=""
[ -n "$missing$browser" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "not a Debian system: tests that need$missing $browser will be skipped"; exit 0
fi
# Not through sudo's own environment, which it clears.
quietly="env DEBIAN_FRONTEND=noninteractive"
if [ "$(id -u)" = 0 ]; then as_root="$quietly"; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo $quietly"; else
  echo "no right to install packages: tests that need$missing $browser will be skipped"; exit 0
fi
echo "installing for the tests:$missing $browser"
log=$(mktemp)
# No service is to start: the tests start their own, on loopback and high ports, and stop them.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod 755 "$policy" && made=1; fi
status=0
# What apt prints is noise when it goes well, and all there is to go by when it does not.
# Ubuntu has no Chromium among its packages: there the tests of how answers look are skipped.
{ $as_root apt-get update -qq && { apt-cache show chromium || browser=""; } &&
  $as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing $browser; } >"$log" 2>&1 </dev/null || status=$?
[ -z "$made" ] || $as_root rm -f "$policy"
if [ "$status" != 0 ]; then cat "$log" >&2; echo "could not install$missing $browser" >&2
elif [ -n "$services" ] && [ -d /run/systemd/system ]; then $as_root systemctl --quiet disable $services || true; fi  # nor at the next start of the machine
rm -f "$log"
exit "$status"
