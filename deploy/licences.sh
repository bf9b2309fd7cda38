#!/bin/sh
# Prints docs/licences.md: the licences of what the images contain. pip-licenses reads them from the installed packages, and
# fails at one that [tool.pip-licenses] in pyproject.toml does not allow.
#
# usage: deploy/licences.sh BIN > docs/licences.md     (BIN: the folder with pip-licenses)
set -eu
cd "$(dirname "$0")/.."
cat <<'TEXT'
# Licences

What the two images contain in addition to our own code (Apache License 2.0), as the packages declare it. `make licences`
writes this page, `make sbom` lists what Debian adds. The pipeline engine (`ENGINE=pipeline`) adds the packages of
requirements/pipeline.txt.

The page contains three libraries of others, with their licence in the folder of each: chart.js 4.6.1 (MIT),
d3-dsv 3.0.2 (ISC) and swagger-ui 5.35.0 (Apache-2.0).

TEXT
# shellcheck disable=SC2046  # one word a package
"$1/pip-licenses" --packages $(grep -hoE '^[a-z0-9-]+==' requirements/serving.txt requirements/lambda.txt | tr -d =)
