#!/usr/bin/env bash
# The full run of the isolation fuzz: calls of every method by tenants that are after each other's data, while the database
# crashes under it; then pairs of calls with foreign and absent ids, whose times are compared.
# Usage: scripts/isolation.sh [CALLS]       200,000 by default, some ten minutes
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
scripts/install-packages.sh
. scripts/runtime-env.sh
scripts/install-runtime.sh
export RAGDZ_TESTS=Integration RAGDZ_ISOLATION_CALLS=${1:-200000}
swift build --build-tests
swift test --skip-build --filter 'IntegrationTests.IsolationFuzzTests' 2>&1 | grep -v '^◇'
