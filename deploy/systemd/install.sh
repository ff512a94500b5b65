#!/usr/bin/env bash
# deploy/systemd/install.sh [--dry-run] [--prefix FOLDER] [--root FOLDER]
#   --prefix   where the code is, installed by `make setup`; default: this checkout
#   --root     put the files below FOLDER instead of /, for packages and tests; nothing is started
#   --dry-run  say what would be done, and do nothing
# Installs or updates the units; starts and restarts nothing. Settings and secrets that are there stay.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prefix=$(cd "$here/../.." && pwd)
root="" dry=""
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=1 ;;
    --prefix) prefix=${2:?--prefix needs a folder}; shift ;;
    --root) root=${2:?--root needs a folder}; shift ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
units=$root/etc/systemd/system etc=$root/etc/assay

problem() { echo "error: $1" >&2; echo "next: $2" >&2; exit 2; }
case $prefix in /*) ;; *) problem "--prefix $prefix is no absolute path" "name the folder from / on" ;; esac
case $prefix in *[!A-Za-z0-9/._@+-]*) problem "--prefix $prefix: a unit needs a plain path" "move it" ;; esac
[ -x "$prefix/.venv/bin/python" ] || problem "no $prefix/.venv/bin/python" "make setup in $prefix"
case $root$(readlink -f "$prefix/.venv/bin/python") in
  /root/* | /home/*) problem "its Python is in a home folder, which the user assay cannot read" \
    "PYTHON=/usr/bin/python3 make setup in a fresh $prefix" ;;
esac
if [ -f "$etc/secrets/alerts" ]; then
  problem "$etc/secrets/alerts is a file, and has to be a folder: what receivers need is beside alerts.yaml" \
    "cd $etc/secrets && mv alerts alerts.yaml && mkdir -m 700 alerts && mv alerts.yaml alerts/"
fi
for path in "$etc"/secrets/alerts/*; do
  case ${path##*/} in
    '*') ;;
    analyzer-token | db-url | payload-keys | ai-api-key) problem "$path: this name is taken" "give it another one" ;;
    *[!A-Za-z0-9._-]*) problem "$path: systemd takes letters, digits, '.', '_' and '-'" "give it another name" ;;
  esac
done
if [ -z "$root$dry" ] && [ "$(id -u)" != 0 ]; then problem "only root may install units" "sudo $0"; fi

run() { echo "$*"; [ -n "$dry" ] || "$@"; }

put() { # put SOURCE TARGET MODE: with the prefix filled in
  echo "write $2"
  [ -z "$dry" ] || return 0
  install -D -m "$3" /dev/null "$2"
  sed "s|@PREFIX@|$prefix|g" "$1" >"$2"
}

secret() { # secret NAME VALUE: kept if there is one
  if [ -s "$etc/secrets/$1" ]; then echo "keep $etc/secrets/$1"; return; fi
  echo "write $etc/secrets/$1"
  [ -n "$dry" ] || (umask 077; printf '%s\n' "$2" >"$etc/secrets/$1")
}

optional() { # optional NAME VARIABLE UNIT...: a part gets a secret that is there, as a file
  local name=$1 variable=$2
  shift 2
  for unit; do
    local file=$units/$unit.d/$name.conf
    if [ -s "$etc/secrets/$name" ]; then
      echo "write $file"
      [ -n "$dry" ] || { install -D -m 644 /dev/null "$file"
        printf '[Service]\nLoadCredential=%s:/etc/assay/secrets/%s\nEnvironment=%s=%%d/%s\n' \
          "$name" "$name" "$variable" "$name" >"$file"; }
    elif [ -e "$file" ]; then
      run rm "$file"
    fi
  done
}

folder() { # folder NAME VARIABLE UNIT...: a part gets each file of a folder of secrets, side by side
  local name=$1 variable=$2 path
  shift 2
  for unit; do
    local file=$units/$unit.d/$name.conf
    if [ -s "$etc/secrets/$name/$name.yaml" ]; then
      echo "write $file"
      [ -n "$dry" ] || { install -D -m 644 /dev/null "$file"
        { printf '[Service]\nEnvironment=%s=%%d/%s.yaml\n' "$variable" "$name"
          for path in "$etc/secrets/$name"/*; do
            printf 'LoadCredential=%s:/etc/assay/secrets/%s/%s\n' "${path##*/}" "$name" "${path##*/}"
          done; } >"$file"; }
    elif [ -e "$file" ]; then
      run rm "$file"
    fi
  done
}

put "$here/assay.sysusers" "$root/usr/lib/sysusers.d/assay.conf" 644
for unit in assay.target assay-worker.service assay-analyzer@.service assay-dashboard.service; do
  put "$here/$unit" "$units/$unit" 644
done
for kind in dynamic performance; do
  put "$here/live.conf" "$units/assay-analyzer@$kind.service.d/live.conf" 644
done
if [ -e "$etc/assay.env" ]; then echo "keep $etc/assay.env"; else put "$here/assay.env" "$etc/assay.env" 644; fi
run install -d -m 700 "$etc/secrets"
secret analyzer-token "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
secret db-url "sqlite+aiosqlite:////var/lib/assay/assay.db"
optional payload-keys ASSAY_PAYLOAD_KEY_FILE assay-worker.service assay-dashboard.service
folder alerts ASSAY_ALERTS_FILE assay-worker.service assay-dashboard.service
optional ai-api-key ASSAY_AI_API_KEY_FILE assay-analyzer@ai.service
if [ -z "$root" ]; then
  run systemd-sysusers
  run systemctl daemon-reload
fi
echo "next: settings in $etc/assay.env, secrets in $etc/secrets, then: systemctl enable --now assay.target"
