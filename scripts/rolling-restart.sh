#!/usr/bin/env bash
# Restarts two ragdz-echo servers in turn (SIGTERM) while our client makes calls of every type; no call may fail.
# Usage: scripts/rolling-restart.sh [SECONDS]      120 seconds if not given.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
RAGDZ_TESTS=RPCTransport RAGDZ_ROLLING_SECONDS=${1:-120} swift test --filter RollingRestartTests
