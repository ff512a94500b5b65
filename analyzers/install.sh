#!/usr/bin/env bash
# Installs the tools of one analyzer: analyzers/install.sh SERVICE DEST
#   requirements*.lock  -> DEST/venv*          (hash-checked, newest interpreter for tools that parse
#                                               Python with the interpreter's own grammar)
#   package-lock.json   -> DEST/node_modules   (npm ci, no install scripts)
# Nothing is done when the locks have not changed since the last run.
set -euo pipefail

service=$1
dest=$2
here=$(cd "$(dirname "$0")" && pwd)/$service
mkdir -p "$dest"

newest_python() {
  local candidate
  for candidate in python3.14 python3.13 python3.12 \
    "$HOME"/.pyenv/versions/3.13*/bin/python "$HOME"/.pyenv/versions/3.12*/bin/python python3; do
    if "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then echo "$candidate"; return; fi
  done
  echo "no Python with venv found: apt-get install python3-venv" >&2
  return 1
}

stamp_of() { sha256sum "$1" | cut -d' ' -f1; }

python_for() { # a first line "# python: 3.11" in the lock's .in file asks for that version or older
  local wanted
  wanted=$(sed -n 's/^# python: *//p' "$1" 2>/dev/null | head -n1)
  if [ -n "$wanted" ]; then
    for candidate in "python$wanted" "$HOME"/.pyenv/versions/"$wanted".*/bin/python python3; do
      if "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then echo "$candidate"; return; fi
    done
  fi
  newest_python
}

for lock in "$here"/requirements*.lock; do
  [ -e "$lock" ] || continue
  name=$(basename "$lock" .lock)
  venv=$dest/venv${name#requirements}
  stamp=$venv/.assay-stamp
  [ "$(cat "$stamp" 2>/dev/null)" = "$(stamp_of "$lock")" ] && continue
  echo "installing $service tools: $(basename "$lock")"
  rm -rf "$venv"
  "$(python_for "${lock%.lock}.in")" -m venv "$venv"
  "$venv/bin/python" -m pip install -qq --no-deps --require-hashes -r "$lock"
  stamp_of "$lock" >"$stamp"
done

if [ -e "$here/package-lock.json" ]; then
  stamp=$dest/node_modules/.assay-stamp
  if [ "$(cat "$stamp" 2>/dev/null)" != "$(stamp_of "$here/package-lock.json")" ]; then
    echo "installing $service tools: package-lock.json"
    cp "$here/package.json" "$here/package-lock.json" "$dest/"
    npm ci --prefix "$dest" --ignore-scripts --no-audit --no-fund --loglevel=error
    stamp_of "$here/package-lock.json" >"$stamp"
  fi
fi

if [ -x "$here/after-install.sh" ]; then "$here/after-install.sh" "$dest"; fi
