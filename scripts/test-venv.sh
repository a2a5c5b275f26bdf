#!/usr/bin/env bash
# Makes the Python environment of the tests' foreign clients and of the generators: grpcio, its tools, Google's common protos.
# It lives in ${RAGDZ_TEST_VENV:-.venv-tests}; a second run installs nothing.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
venv=${RAGDZ_TEST_VENV:-.venv-tests}
wanted="grpcio==1.85.1 grpcio-tools==1.85.1 grpcio-reflection==1.85.1 grpcio-health-checking==1.85.1 googleapis-common-protos==1.76.0 hpack==4.2.0"
if [ "$(cat "$venv/installed" 2>/dev/null)" = "$wanted" ]; then
    echo "Python packages of the tests: present in $venv"
    exit 0
fi
echo "Python packages of the tests: installing into $venv (PyPI, about 30 s)"
[ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
# shellcheck disable=SC2086
"$venv/bin/pip" install --quiet --disable-pip-version-check $wanted
echo "$wanted" >"$venv/installed"
