#!/usr/bin/env bash
# Installs the Debian packages that the tests need, where that is possible; leaves any database cluster alone.
set -euo pipefail

packages=(
  postgresql-15 postgresql-15-pgtap postgresql-15-cron postgresql-15-plpgsql-check postgresql-15-pgaudit pgbouncer
  patroni etcd-server haproxy pgbackrest # a failover, and a restore to a point in time
  libtap-parser-sourcehandler-pgtap-perl # pg_prove
  chromium fonts-liberation # the browser of the page tests
  poppler-utils zbar-tools # read certificates as PDF, and their QR codes
  prometheus systemd caddy docker-compose mmdebstrap buildah # judge and build what is in deploy/
)
# Node.js may come from elsewhere, and newer.
command -v npm >/dev/null || packages+=(nodejs npm)

list_missing() {
  missing=()
  local package
  for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed \
      || missing+=("$package")
  done
}

list_missing
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=(env)
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n env)

if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
  echo "Installing for the tests: ${missing[*]}"
  # RUNLEVEL=1: no server is started, the tests start their own.
  quietly=("${as_root[@]}" RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
  "${quietly[@]}" update || true
  "${quietly[@]}" install --no-install-recommends "${missing[@]}" >/dev/null || true
  list_missing
fi

if [ ${#missing[@]} -gt 0 ]; then
  echo "Missing, and not to be installed here: ${missing[*]}."
  echo "The tests that need them are skipped; pytest's closing lines count them and say why."
fi
