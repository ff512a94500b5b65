#!/usr/bin/env bash
# Builds the base images `assay/debian`, `assay/python`, `assay/node` and `assay/nginx` from Debian
# packages and PyPI wheels, for Docker hosts that reach no image registry. Images that were made by
# the same recipe are kept; FORCE=1 builds them anew. Usage: deploy/base-images/build.sh [debian|python|node|nginx ...]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=bookworm
ca_bundle=/etc/ssl/certs/ca-certificates.crt

die() {
    echo "base-images: $*" >&2
    exit 1
}

# $1: image, $2: what the recipe of an image that may stay must be; empty: any.
have_image() {
    local made
    [[ ${FORCE:-0} != 1 ]] || return 1
    made=$(docker image inspect -f '{{index .Config.Labels "dev.assay.base-recipe"}}' "$1" 2>/dev/null) || return 1
    [[ -z $2 || $made == "$2" ]]
}

require_docker() {
    command -v docker >/dev/null || die "no docker command. Install Docker Engine (Debian: docker.io)."
    docker version >/dev/null 2>&1 || die "the Docker daemon does not answer. Start it, then run this again."
}

# debootstrap makes device nodes and changes root, so it needs root; so does installing it.
require_debootstrap() {
    [[ $(id -u) == 0 ]] || die "making assay/debian needs root (debootstrap). Run it with sudo."
    command -v debootstrap >/dev/null && return
    command -v apt-get >/dev/null || die "debootstrap is missing and apt-get is not there to install it."
    echo "base-images: installing debootstrap"
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; } >/dev/null ||
        die "apt-get could not install debootstrap. Install it by hand, then run this again."
}

# First URI of this machine's own apt sources that serves the suite $1; empty when there is none
# (debootstrap then uses its built-in mirror). Reads both source formats, deb822 and one-line.
mirror_of() {
    local file
    {
        for file in /etc/apt/sources.list.d/*.sources; do
            [[ -r $file ]] && awk -v suite="$1" -v RS= '
                { uri = ""; hit = 0; n = split($0, lines, "\n")
                  for (i = 1; i <= n; i++) {
                      m = split(lines[i], w, /[ \t]+/)
                      if (w[1] == "URIs:") uri = w[2]
                      if (w[1] == "Suites:") for (j = 2; j <= m; j++) if (w[j] == suite) hit = 1 }
                  if (hit && uri != "") print uri }' "$file"
        done
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
            [[ -r $file ]] && sed -E 's/\[[^]]*\] *//' "$file" |
                awk -v suite="$1" '$1 == "deb" && $3 == suite { print $2 }'
        done
        true
    } | awk 'NR == 1'
}

# What the image's own apt reads: the same mirrors this machine uses.
write_sources() {
    local root=$1 part uri
    for part in "$suite" "$suite-updates" "$suite-security"; do
        uri=$(mirror_of "$part")
        if [[ -n $uri ]]; then echo "deb $uri $part main"; fi
    done >"$work/sources.list"
    if [[ -s $work/sources.list ]]; then cp "$work/sources.list" "$root/etc/apt/sources.list"; fi
}

# The machine's certificate authorities go into the image when it is built, never into the project.
copy_certificates() {
    local root=$1
    [[ -r $ca_bundle ]] || return 0
    if compgen -G "/usr/local/share/ca-certificates/*.crt" >/dev/null; then
        cp -L /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
    fi
    cp -L "$ca_bundle" "$root$ca_bundle"
}

build_debian() {
    if have_image assay/debian:12 ""; then return; fi
    require_debootstrap
    local root=$work/rootfs
    echo "base-images: assay/debian:12 (debootstrap, about half a minute)"
    # shellcheck disable=SC2046
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" \
        $(mirror_of "$suite") >"$work/debootstrap.log" 2>&1 || {
        tail -n 5 "$work/debootstrap.log" >&2
        die "debootstrap failed. Check that this machine's Debian mirror is reachable (apt-get update)."
    }
    write_sources "$root"
    copy_certificates "$root"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/log/*.log
    tar -C "$root" --numeric-owner -c . | docker import \
        -c 'CMD ["bash"]' \
        -c "ENV SSL_CERT_FILE=$ca_bundle PIP_CERT=$ca_bundle REQUESTS_CA_BUNDLE=$ca_bundle NODE_EXTRA_CA_CERTS=$ca_bundle" \
        - assay/debian:12 >/dev/null
    rm -rf "$root"
}

# $1: image, $2: Dockerfile beside this script, then extra `docker build` arguments.
build_from() {
    local image=$1 dockerfile=$2 recipe
    shift 2
    # All of them, since one is made from another.
    recipe=$(cat "$here"/*.Dockerfile | sha256sum | cut -c1-16)
    if have_image "$image" "$recipe"; then return; fi
    echo "base-images: $image"
    DOCKER_BUILDKIT=0 docker build --force-rm -q -t "$image" \
        --label "dev.assay.base-recipe=$recipe" "$@" -f "$here/$dockerfile" "$here" \
        >/dev/null 2>"$work/build.log" || {
        tail -n 15 "$work/build.log" >&2
        die "building $image failed. Check that Debian's mirror and PyPI are reachable from containers."
    }
}

main() {
    local want=("$@")
    [[ ${#want[@]} -gt 0 ]] || want=(debian python node nginx)
    require_docker
    work=$(mktemp -d "${TMPDIR:-/tmp}/assay-base-images.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    build_debian
    local name
    for name in "${want[@]}"; do
        case $name in
        debian) ;;
        python) build_from assay/python:3.11 python.Dockerfile ;;
        node)
            build_from assay/python:3.11 python.Dockerfile
            build_from assay/node:20 node.Dockerfile --build-arg NODE_MAJOR=20
            build_from assay/node:24 node.Dockerfile --build-arg NODE_MAJOR=24
            ;;
        nginx) build_from assay/nginx:1.22 nginx.Dockerfile ;;
        *) die "unknown image '$name'. Known: debian, python, node, nginx." ;;
        esac
    done
    # Apps inherit the labels of their base, so the stage that only unpacks a wheel has one of its own.
    docker image prune -f --filter label=dev.assay.base-stage >/dev/null
    docker images 'assay/*' --format '{{.Repository}}:{{.Tag}}  {{.Size}}'
}

main "$@"
