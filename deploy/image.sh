#!/bin/sh
# The steps that both Dockerfiles share. Runs inside the build only.
#
#   image.sh packages ENGINE LIST...   the packages that requirements/ pins for each LIST, into /opt/packages
#   image.sh code                      the code that was copied into /opt/code
#   image.sh artifacts ENGINE          the models that were copied into /opt/artifacts
#
# Everything is compiled here, since nothing can be written once the image runs. The bytecode is not compared with its
# source at every start (unchecked-hash): in an image the source never changes, and without times in it the same source
# gives the same layer. All files can be read by every user, since Lambda runs the image as a user of its own.
set -eu

# 400 MB become 295: remote procedure calls and S3 of Arrow, headers, second copies of its libraries (the loader uses the
# one named .so.<version>), sources, tests, and all services of AWS but S3 and sts (which gives a role its keys). A cold
# start needs the same CPU with them (0.55 s, nine pairs), so the list is short.
remove_unused() {
    rm -rf "$1"/pyarrow/*flight* "$1"/pyarrow/*s3* "$1"/pyarrow/libarrow_python*.so "$1"/pyarrow/libarrow_python*.so.*.*.*
    rm -rf "$1"/pyarrow/src "$1"/pyarrow/*.pyx "$1"/pyarrow/*.px[id]
    find "$1"/botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts -exec rm -rf {} +
    find "$1" -type d '(' -name tests -o -name include -o -name f2py ')' -prune -exec rm -rf {} +
}

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
    [ "$engine" = pipeline ] || remove_unused /opt/packages
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
