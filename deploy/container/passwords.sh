#!/bin/sh
# Gives each login role the password that its connection string names: postgresql://ROLE:PASSWORD@…
set -eu
secrets=${SECRETS:-/run/secrets}
PGPASSWORD=$(cat "$secrets/postgres_password")
export PGPASSWORD
statements=
for process in web jobs tasks; do
  file="$secrets/${process}_database_url"
  # Letters and digits need no escape.
  password=$(sed -n "s#^postgresql://mentorcert_$process:\([A-Za-z0-9]\{16,\}\)@[^@]*\$#\1#p" "$file")
  if [ -z "$password" ]; then
    echo "$file must be postgresql://mentorcert_$process:PASSWORD@HOST/DATABASE, the password of 16 letters and digits or more." >&2
    exit 1
  fi
  statements="$statements alter role mentorcert_$process password '$password';"
done
# By its input: every user of the machine sees arguments.
printf '%s\n' "$statements" | psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --single-transaction
