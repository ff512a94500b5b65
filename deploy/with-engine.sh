#!/usr/bin/env bash
# Runs a command on a machine that has what the tests need: deploy/with-engine.sh COMMAND...
# As root on Debian, missing packages are installed; a Docker daemon that does not run is started for
# the time of the command and stopped again; base images are made where they are missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

. "$root/deploy/packages.sh"
need docker.io dockerd
need docker.io docker
need bubblewrap bwrap
need debootstrap debootstrap
need postgresql /usr/lib/postgresql
need chromium chromium
need nmap nmap
need iptables iptables
need iproute2 ip
need systemd systemd-analyze
need prometheus prometheus
need prometheus-alertmanager prometheus-alertmanager
need libfaketime /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1
install_missing

daemon=
if ! docker info >/dev/null 2>&1; then
  log=$(mktemp /tmp/assay-dockerd.XXXXXX)
  setsid dockerd >"$log" 2>&1 &
  daemon=$!
  trap 'kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null || true; rm -f "$log"' EXIT
  for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 0.5; done
  docker info >/dev/null 2>&1 || { echo "error: dockerd did not start:" >&2; tail -n 5 "$log" >&2; exit 2; }
fi

"$root/deploy/base-images/build.sh"
"$@"
