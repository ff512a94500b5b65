#!/usr/bin/env bash
# deploy/secrets.sh [FOLDER]: the secrets that docker-compose.yml reads, each in a file of its own.
# What is there is kept, so it may be run again. The folder keeps others out; the files in it are
# readable, because the containers' user is another one than yours.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-secrets}
umask 077
mkdir -p "$folder/logins" "$folder/alerts" "$folder/alertmanager"
chmod 700 "$folder"
chmod 755 "$folder/logins" "$folder/alerts" "$folder/alertmanager"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

keep() { # keep NAME VALUE
  if [ ! -s "$folder/$1" ]; then
    printf '%s\n' "$2" >"$folder/$1"
    echo "made $folder/$1"
  fi
  chmod 644 "$folder/$1"
}

keep analyzer-token "$(random)"
keep pg-password "${PG_PASSWORD:-$(random)}" # what an earlier installation was given
quoted=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.stdin.readline().strip(), safe=""))' \
  <"$folder/pg-password")
keep db-url "postgresql+asyncpg://assay:$quoted@127.0.0.1:5433/assay"
