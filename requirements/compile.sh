#!/bin/sh
# Pin every requirement with its hashes, for Python 3.11 to 3.13 alike. Needs uv (pip install uv).
# The development set is solved first and constrains the others, so that a package has one version everywhere.
# usage: requirements/compile.sh [--upgrade]
set -eu
cd "$(dirname "$0")"
pin() {
    target=$1; shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --custom-compile-command "requirements/compile.sh" "$@" -o "$target.txt" "$target.in"
}
pin development "$@"
pin pipeline -c development.txt
pin training -c development.txt
pin serving -c development.txt
pin lambda -c development.txt
pin peers -c development.txt
pin deploy -c development.txt
pin fuzz -c development.txt
pin build
pin spark -c serving.txt
