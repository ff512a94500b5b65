#!/usr/bin/env bash
# Saves an installation of docker-compose.yml while it works: deploy/backup/compose-backup.sh FOLDER
#
# Temporal's databases first, then the store, then results and reports: each copy holds at least what
# those before it rely on (docs/backup.md). FOLDER appears when everything is in it and was checked.
set -euo pipefail
target=$(realpath -m "${1:?usage: compose-backup.sh FOLDER (a new one)}")
cd "$(dirname "$0")/../.."
. deploy/backup/compose-folders.sh
[ ! -e "$target" ] || refuse "$target is there already" "name a new folder"
reports=$(reports_folder)
[ -d "$reports" ] || refuse "there is no folder $reports, where this installation's reports should be" \
  "set ASSAY_DATA as docker compose has it (in .env, or in this shell)"
part=$target.part
rm -rf "$part"
trap 'rm -rf "$part"' EXIT
(umask 077 && mkdir -p "$part")

dump() { # SERVICE USER DATABASE
  echo "$3 of $1"
  docker compose exec -T "$1" pg_dump -U "$2" --format=custom --no-owner "$3" >"$part/$3.dump"
  docker compose exec -T "$1" pg_restore --list <"$part/$3.dump" >/dev/null
}

# Files on their way, and drafts of reports: their writers rename them when they are whole.
hex=$(printf '[0-9a-f]%.0s' {1..32})
unfinished="--exclude=$hex.part --exclude=.draft-$hex"

pack() { # NAME FOLDERS: what is in them, without the folders themselves, which a restore may find there. 1 is that
  # a file or a folder changed meanwhile: each file is whole or not there, so that what was read is whole; 2 is that
  # something could not be read.
  in_worker "set -f; cd /data && for f in $2; do [ ! -e \$f ] || find \$f -mindepth 1 -maxdepth 1 -print0; done |
    { tar -c $unfinished --null -T - || [ \$? -eq 1 ]; }" >"$part/$1.tar"
}

dump temporal-db temporal temporal
dump temporal-db temporal temporal_visibility
dump store-db assay assay
echo "results, logs, specs, and sources of archives"
pack data "artifacts/cached artifacts/sha256 specs imported"
echo "reports of $reports"
pack reports reports
(cd "$part" && sha256sum -- *.dump *.tar >SHA256SUMS)
sync "$part"/*
mv "$part" "$target"
echo "$target: $(du -sh "$target" | cut -f1). Keys, logins and passwords are not in it."
