#!/usr/bin/env bash
# Makes the base images where a Docker engine runs that has neither them nor a registry to pull from,
# and makes those anew that an older recipe made.
# Never fails: without them, what needs a container is `infra_failed` and says so.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)

docker info >/dev/null 2>&1 || exit 0
if docker image inspect assay/python:3.11 assay/node:20 >/dev/null 2>&1; then
  "$here/build.sh" >/dev/null || echo "the base images of an older recipe are used"
  exit 0
fi
for image in python:3.11-slim node:20-slim; do
  docker image inspect "$image" >/dev/null 2>&1 && continue
  echo "pulling $image"
  if ! timeout 120 docker pull -q "$image" >/dev/null 2>&1; then
    echo "$image cannot be pulled: making base images from Debian packages"
    "$here/build.sh" || echo "without base images, apps do not build (see make base-images)"
    break
  fi
done
exit 0
