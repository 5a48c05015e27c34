#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet, in the folder `secrets` beside it, for the user of the image alone.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
new() {
  [ ! -e "secrets/$1" ] || return 0
  printf '%s\n' "$2" >"secrets/$1"
  chmod 0400 "secrets/$1"
  [ "$(id -u)" -ne 0 ] || chown 10001 "secrets/$1"
}
new postgres_password "$(random)"
new owner_database_url "postgresql://postgres:$(cat secrets/postgres_password)@db/mentorcert"
for process in web jobs tasks; do
  new "${process}_database_url" "postgresql://mentorcert_$process:$(random)@db/mentorcert"
done
new web_secret "$(random)"
# Of others: empty until somebody writes them.
new oidc_client_secret ""
new smtp_password ""
