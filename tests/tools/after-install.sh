#!/usr/bin/env bash
# after-install.sh DEST: the package makes its program executable in a script of its own, and
# packages' scripts are not run.
set -euo pipefail
chmod u+x "$1/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
