#!/usr/bin/env bash
# Saves an installation of docker-compose.yml while it works: deploy/backup/compose-backup.sh FOLDER
#
# Temporal's databases first, then the store, then results and reports: each copy holds at least what
# those before it rely on (docs/backup.md). FOLDER appears when everything is in it and was checked.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:?usage: compose-backup.sh FOLDER (a new one)}
data=${ASSAY_DATA:-.assay}
[ ! -e "$target" ] || { echo "error: $target is there already"; echo "next: name a new folder"; exit 2; }
part=$target.part
rm -rf "$part"
trap 'rm -rf "$part"' EXIT
(umask 077 && mkdir -p "$part")

dump() { # SERVICE USER DATABASE
  echo "$3 of $1"
  docker compose exec -T "$1" pg_dump -U "$2" --format=custom --no-owner "$3" >"$part/$3.dump"
  docker compose exec -T "$1" pg_restore --list <"$part/$3.dump" >/dev/null
}

dump temporal-db temporal temporal
dump temporal-db temporal temporal_visibility
dump store-db assay assay
echo "results and logs"
docker compose run --rm -T --no-deps --entrypoint sh worker -c \
  'cd /data && for f in artifacts/cached artifacts/sha256 specs; do [ ! -e "$f" ] || echo "$f"; done | tar -c -T -' \
  >"$part/data.tar"
echo "reports"
if [ -d "$data/reports" ]; then tar -C "$data" -cf "$part/reports.tar" reports; fi
(cd "$part" && sha256sum -- *.dump *.tar >SHA256SUMS)
sync "$part"/*
mv "$part" "$target"
echo "$target: $(du -sh "$target" | cut -f1). Keys, logins and passwords are not in it."
