#!/usr/bin/env bash
# after-install.sh DEST: what makes tools start faster, made once for each version of them.
#   DEST/venv -> DEST/opengrep/opengrep-core, opengrep-cli (the same by the name it is told to use)
#   DEST/venv -> DEST/mypy-cache (the standard library's types as mypy keeps them)
set -euo pipefail

dest=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "$dest/.after-install.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# What is in Opengrep's wheel is a program that unpacks itself (246 MB) into HOME and then starts the
# one that does the work. Unpacked once, it starts in a third of the time.
unpack_opengrep() {
  local packed core
  for packed in "$dest"/venv/lib/python*/site-packages/tackbox_opengrep/bin/opengrep; do
    env -u XDG_CACHE_HOME HOME="$scratch" "$packed" --version >/dev/null || continue
    core=$(find "$scratch" -name opengrep-core -type f -print -quit)
    [ -n "$core" ] && "$core" -version >/dev/null || continue
    mkdir "$scratch/made"
    mv "$core" "$scratch/made/opengrep-core"
    chmod 755 "$scratch/made/opengrep-core"
    ln -s opengrep-core "$scratch/made/opengrep-cli"
    return
  done
  echo "opengrep could not be unpacked: it unpacks itself at each start" >&2
  return 1
}

# Mypy reads the standard library's types anew each time, which takes most of its time. Each run is
# given a copy of this cache; mypy itself takes none of another version or other options.
fill_mypy_cache() {
  "$dest/venv/bin/python" -I -c \
    'import sys; print(*(f"import {name}" for name in sys.stdlib_module_names), sep="\n")' \
    >"$scratch/assay_stdlib.py"
  (cd "$scratch" && "$dest/venv/bin/mypy" --config-file="$here/mypy.ini" --cache-dir=made \
    assay_stdlib.py) >"$scratch/said" || { cat "$scratch/said" >&2 && echo "mypy's cache could not be made: it reads the standard library at each run" >&2; return 1; }
}

# make NAME DEPENDS FUNCTION: DEST/NAME anew, where what it depends on is not what it was.
make_once() {
  [ "$(cat "$dest/$1/.assay-stamp" 2>/dev/null)" = "$2" ] && return
  rm -rf "$dest/$1" "$scratch"/*
  if "$3"; then
    echo "$2" >"$scratch/made/.assay-stamp"
    mv "$scratch/made" "$dest/$1"
  fi
}

venv=$(cat "$dest/venv/.assay-stamp")
make_once opengrep "$venv" unpack_opengrep
make_once mypy-cache "$venv $(sha256sum <"$here/mypy.ini")" fill_mypy_cache
