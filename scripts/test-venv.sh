#!/usr/bin/env bash
# Makes the Python environment of the tests' foreign clients and of the generators: grpcio, its tools, Google's common protos,
# what the HTTP/2 cases need (hpack),
# and what grpc's stock interoperability client imports (google-auth, requests).
# Arguments are further packages, for the long forms of tests: `test-venv.sh sslyze==6.3.1`.
# It lives in ${RAGDZ_TEST_VENV:-.venv-tests}; a second run installs nothing.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
venv=${RAGDZ_TEST_VENV:-.venv-tests}
wanted="grpcio==1.85.1 grpcio-tools==1.85.1 grpcio-reflection==1.85.1 grpcio-health-checking==1.85.1
    googleapis-common-protos==1.76.0 openapi-spec-validator==0.9.0 hpack==4.2.0 google-auth==2.62.2 requests==2.34.2"

# install MARKER PACKAGE...: unless the marker says that these are there.
install() {
    local marker=$venv/$1
    shift
    [ "$(cat "$marker" 2>/dev/null)" = "$*" ] && return
    echo "Python packages of the tests: installing $* into $venv (PyPI)"
    [ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"
    echo "$*" >"$marker"
}

mkdir -p "$venv"
exec 9>"$venv/.lock"
flock 9
# shellcheck disable=SC2086
install installed $wanted
for package in "$@"; do install "installed-${package%%=*}" "$package"; done
echo "Python packages of the tests: present in $venv"
