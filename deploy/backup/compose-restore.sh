#!/usr/bin/env bash
# Brings an installation of docker-compose.yml back: deploy/backup/compose-restore.sh FOLDER
#
# For new, empty volumes: what is there is never overwritten. To replace an installation, give the new
# one another project name (COMPOSE_PROJECT_NAME); the volumes of the old one stay as they are. One that
# was cut short (a full disk) goes on when the same command is given again.
set -euo pipefail
source=$(realpath -m "${1:?usage: compose-restore.sh FOLDER (written by compose-backup.sh)}")
cd "$(dirname "$0")/../.."
. deploy/backup/compose-folders.sh
(cd "$source" && sha256sum --quiet -c SHA256SUMS) || refuse "$source is damaged, or no backup" "restore an earlier one"
# In the volume while this backup is on its way into it: what is there then is our own.
mark=/data/.compose-restore-$(sha256sum <"$source/SHA256SUMS" | cut -c1-16)
reports=$(reports_folder)
# Docker would make it for root alone.
[ -d "$reports" ] || install -d -m 1777 "$reports"

ask() { docker compose exec -T "$1" psql -U "$2" -d "$3" -Atc "$4"; }
there() { [ -n "$(ask "$1" "$2" postgres "SELECT 1 FROM pg_database WHERE datname = '$3'")" ]; }
filled() { # SERVICE USER DATABASE
  there "$@" && [ -n "$(ask "$1" "$2" "$3" "SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1")" ]
}
used() { refuse "$1 holds something already" "set COMPOSE_PROJECT_NAME (or ASSAY_DATA) to a new name"; }

load() { # SERVICE USER DATABASE: whole or not at all
  if filled "$@"; then echo "$3 of $1 is there"; return; fi
  echo "$3 of $1"
  there "$@" || ask "$1" "$2" postgres "CREATE DATABASE $3"
  docker compose exec -T "$1" pg_restore -U "$2" -d "$3" --no-owner --exit-on-error --single-transaction <"$source/$3.dump"
}

unpack() { # NAME: what is there of it already is written anew
  [ ! -f "$source/$1.tar" ] || in_worker "tar -C /data -x" <"$source/$1.tar" || {
    echo "error: $1.tar could not be unpacked; tar says why, above"
    echo "next: make room, or give user 10001 access to $reports; then the same command again"
    exit 1
  }
}

docker compose up -d --wait temporal-db store-db
if [ -z "$(in_worker "[ ! -e $mark ] || echo ours")" ]; then
  [ -z "$(ls -A "$reports")" ] || used "$reports"
  for database in temporal temporal_visibility; do ! filled temporal-db temporal $database || used temporal-db; done
  ! filled store-db assay assay || used store-db
  [ -z "$(in_worker "ls -d /data/artifacts/sha256 /data/specs /data/imported 2>/dev/null || true")" ] ||
    used "the volume worker-data"
  in_worker "touch $mark"
fi
load temporal-db temporal temporal
load temporal-db temporal temporal_visibility
load store-db assay assay
echo "results, logs, specs, and sources of archives"
unpack data
echo "reports, into $reports"
unpack reports
in_worker "rm $mark"
echo "restored. Start it with: docker compose up -d"
