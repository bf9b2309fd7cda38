#!/bin/sh
# What both Dockerfiles do while they are built, so that it stands in one place. Runs inside the build only.
#
#   image.sh packages ENGINE LIST...   the packages that requirements/ pins for each LIST, into /opt/packages
#   image.sh code                      the code that was copied into /opt/code
#   image.sh artifacts ENGINE          the models that were copied into /opt/artifacts
#
# Everything is compiled here, since nothing can be written once the image runs. The bytecode is not compared with its
# source at every start (unchecked-hash): in an image the source never changes, and without times in it the same source
# gives the same layer. What the build leaves behind can be read by every user, since Lambda runs the image as one of its own.
set -eu

finish() {
    python -m compileall -q -j 0 --invalidation-mode unchecked-hash "$1"
    chmod -R a+rX "$1"
}

case $1 in
packages)
    engine=$2; shift 2
    [ "$engine" = pipeline ] && set -- "$@" pipeline
    for list; do set -- "$@" -r "requirements/$list.txt"; shift; done
    pip install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore --quiet \
        --require-hashes --only-binary=:all: --target /opt/packages "$@"
    # scikit-learn and pandas open parts of numpy and pyarrow that the scorecard never does.
    [ "$engine" = pipeline ] || python deploy/trim.py /opt/packages
    finish /opt/packages
    ;;
code)
    finish /opt/code
    ;;
artifacts)
    [ "$2" = pipeline ] || find /opt/artifacts -name '*.joblib' -delete
    chmod -R a+rX /opt/artifacts
    ;;
*)
    echo "image.sh: there is no step '$1'" >&2
    exit 2
    ;;
esac
