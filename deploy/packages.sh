# Debian packages that a command needs; to be sourced.
#   need PACKAGE FILE_OR_COMMAND    notes PACKAGE when there is neither such a file nor such a command
#   install_missing                 installs what was noted (root), or says what to install and ends
missing=()

need() {
  [ -e "$2" ] || command -v "$2" >/dev/null 2>&1 || [[ " ${missing[*]} " == *" $1 "* ]] || missing+=("$1")
}

install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "error: missing: ${missing[*]}" >&2
    echo "next: sudo apt-get install ${missing[*]}" >&2
    exit 2
  fi
  echo "installing ${missing[*]}"
  apt-get update -qq
  # From Debian 13 on the client is a package of its own, which docker.io only recommends.
  if [[ " ${missing[*]} " == *" docker.io "* ]] && apt-cache show docker-cli >/dev/null 2>&1; then
    missing+=(docker-cli)
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  missing=()
}
