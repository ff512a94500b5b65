#!/usr/bin/env bash
# Brings an installation of docker-compose.yml back: deploy/backup/compose-restore.sh FOLDER
#
# For new, empty volumes: what is there is never overwritten. To replace an installation, give the new
# one another project name (COMPOSE_PROJECT_NAME); the volumes of the old one stay as they are.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=${1:?usage: compose-restore.sh FOLDER (written by compose-backup.sh)}
data=${ASSAY_DATA:-.assay}
(cd "$source" && sha256sum --quiet -c SHA256SUMS) ||
  { echo "error: $source is damaged, or no backup"; echo "next: restore an earlier one"; exit 2; }

used() { echo "error: $1 holds something already"; echo "next: set COMPOSE_PROJECT_NAME (or ASSAY_DATA) to a new name"; exit 2; }
ask() { docker compose exec -T "$1" psql -U "$2" -d postgres -Atc "$3"; }
[ ! -d "$data/reports" ] || [ -z "$(ls -A "$data/reports")" ] || used "$data/reports"

docker compose up -d --wait temporal-db store-db
[ -z "$(ask temporal-db temporal "SELECT 1 FROM pg_database WHERE datname = 'temporal_visibility'")" ] || used temporal-db
[ -z "$(docker compose exec -T store-db psql -U assay -d assay -Atc "SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1")" ] || used store-db

load() { # SERVICE USER DATABASE
  echo "$3 of $1"
  [ -n "$(ask "$1" "$2" "SELECT 1 FROM pg_database WHERE datname = '$3'")" ] || ask "$1" "$2" "CREATE DATABASE $3"
  docker compose exec -T "$1" pg_restore -U "$2" -d "$3" --no-owner --exit-on-error --single-transaction <"$source/$3.dump"
}

echo "results and logs"
docker compose run --rm -T --no-deps --entrypoint sh worker -c \
  '[ ! -e /data/artifacts/sha256 ] && tar -C /data -x' <"$source/data.tar" || used "the volume worker-data"
if [ -f "$source/reports.tar" ]; then mkdir -p "$data" && tar -C "$data" -xf "$source/reports.tar"; fi
load temporal-db temporal temporal
load temporal-db temporal temporal_visibility
load store-db assay assay
echo "restored. Start it with: docker compose up -d"
