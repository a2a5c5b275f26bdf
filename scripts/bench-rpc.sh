#!/usr/bin/env bash
# The tables of docs/performance.md for RPC: our echo server beside its peers, TLS beside plain, the health check.
# Usage: BENCH_DIR=folder scripts/bench-rpc.sh [peers] [tls] [health]     (default: all three)
# BENCH_DIR holds the peers' kit, built by its own build.sh; without it, or where it is not built, `peers` is left out.
# RUNS and DUR are passed to the kit (defaults 3 and 3). Server on CPU 0, load on CPU 1; read ratios, not seconds.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
swift build -c release --product ragdz-echo >&2
echo=$PWD/.build/release/ragdz-echo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- peers tls health
for part in "$@"; do
    case $part in
    peers)
        kit=${BENCH_DIR:-$HOME/ragdz-bench}
        if [ ! -x "$kit/raw/raw-nghttp2" ]; then
            echo "peers: left out, $kit is not built (set BENCH_DIR)"
            continue
        fi
        "$kit/bench.sh" raw-nghttp2 cpp-callback "ragdz=$echo --port {port},21200,,"
        ;;
    tls | health)
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
            -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
        python3 scripts/bench_rpc.py "$part" "$echo" "$work"
        ;;
    *) echo "unknown part $part"; exit 2 ;;
    esac
done
