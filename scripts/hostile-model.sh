#!/usr/bin/env bash
# Answers against a model endpoint that lies: invented and altered quotes, absent sources, broken streams. Every citation
# that is sent must be what the stored document says, and whatever is not proved must be flagged.
# Usage: scripts/hostile-model.sh [OUTPUTS] [SEED]       5,000 by default; SEED 0: another one each time
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
scripts/install-packages.sh
. scripts/runtime-env.sh
scripts/install-runtime.sh
seed=${2:-1}
[ "$seed" != 0 ] || seed=$RANDOM
echo "seed $seed"
export RAGDZ_TESTS=Retrieval RAGDZ_HOSTILE_OUTPUTS=${1:-5000} RAGDZ_HOSTILE_SEED=$seed
swift build --build-tests
swift test --skip-build --filter 'RetrievalTests.HostileModelTests' 2>&1 | grep -v '^◇'
