#!/usr/bin/env bash
# after-install.sh DEST: what is in Opengrep's wheel is a program that unpacks itself (246 MB) into
# HOME and then starts the one that does the work. Unpacked once, it starts in a third of the time.
#   DEST/venv  -> DEST/opengrep/opengrep-core, opengrep-cli (the same by the name it is told to use)
set -euo pipefail

dest=$1
stamp=$dest/opengrep/.assay-stamp
wanted=$(cat "$dest/venv/.assay-stamp")
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

rm -rf "$dest/opengrep"
scratch=$(mktemp -d "$dest/.opengrep.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
for packed in "$dest"/venv/lib/python*/site-packages/tackbox_opengrep/bin/opengrep; do
  env -u XDG_CACHE_HOME HOME="$scratch" "$packed" --version >/dev/null || continue
  core=$(find "$scratch" -name opengrep-core -type f -print -quit)
  [ -n "$core" ] && "$core" -version >/dev/null || continue
  mkdir "$dest/opengrep"
  mv "$core" "$dest/opengrep/opengrep-core"
  chmod 755 "$dest/opengrep/opengrep-core"
  ln -s opengrep-core "$dest/opengrep/opengrep-cli"
  echo "$wanted" >"$stamp"
  exit 0
done
echo "opengrep could not be unpacked: it unpacks itself at each start" >&2
