#!/usr/bin/env bash
# Our TLS under sslyze (PyPI): no weak protocol, cipher, curve, renegotiation, compression or known hole, and all that Mozilla's
# "intermediate" configuration asks. A server of OpenSSL's own that is weak on purpose shows that the checks can fail.
# Usage: scripts/conformance-tls.sh [RAGDZ-INTEROP]      Without the program it is built first.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
server=${1:-}
if [ -z "$server" ]; then
    swift build --product ragdz-interop 2>&1 | tail -1
    server=.build/debug/ragdz-interop
fi
scripts/test-venv.sh sslyze==6.3.1 >/dev/null
scratch=$(mktemp -d)
pids=
# Not SIGTERM: a test process may have handed it down blocked.
trap '[ -z "$pids" ] || { disown -a; kill -KILL $pids; } 2>/dev/null || true; rm -rf "$scratch"' EXIT

# A CA as real ones are, and a server certificate of each kind of key.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Test CA" \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$scratch/ca.key" -out "$scratch/ca.pem" 2>/dev/null
certificate() {
    local name=$1
    shift
    openssl req -newkey "$@" -nodes -subj /CN=localhost -keyout "$scratch/$name.key" -out "$scratch/$name.csr" 2>/dev/null
    printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 extendedKeyUsage=serverAuth \
        authorityKeyIdentifier=keyid keyUsage=critical,digitalSignature >"$scratch/extensions"
    openssl x509 -req -in "$scratch/$name.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -CAcreateserial -days 30 \
        -out "$scratch/$name.pem" -extfile "$scratch/extensions" 2>/dev/null
}
certificate ecdsa ec -pkeyopt ec_paramgen_curve:P-256
certificate rsa rsa:2048

for kind in ecdsa rsa; do
    "$server" serve --port 0 --cert "$scratch/$kind.pem" --key "$scratch/$kind.key" >"$scratch/$kind.log" &
    pids="$pids $!"
done
weak_port=$((20000 + RANDOM % 20000))
openssl s_server -quiet -port "$weak_port" -cert "$scratch/rsa.pem" -key "$scratch/rsa.key" -cipher DEFAULT:@SECLEVEL=0 \
    -min_protocol TLSv1 -client_renegotiation >/dev/null 2>&1 &
pids="$pids $!"
port_of() {
    for _ in $(seq 200); do
        grep -q '^ready on' "$1" && break
        sleep 0.05
    done
    awk '/^ready on/ { print $3 }' "$1"
}
ecdsa_port=$(port_of "$scratch/ecdsa.log")
rsa_port=$(port_of "$scratch/rsa.log")
"${RAGDZ_TEST_VENV:-.venv-tests}/bin/python" scripts/tls_scan.py "$scratch" ecdsa="$ecdsa_port" rsa="$rsa_port" \
    weak="$weak_port"
