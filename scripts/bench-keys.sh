#!/usr/bin/env bash
# What it costs to know a caller: CPU for each verification, with scope and limits, and for a malformed key.
# Usage: scripts/bench-keys.sh
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/scratch-postgres.sh
trap scratch_stop EXIT
swift build -c release --product keys-bench --quiet
scratch_start fsync=off
"$(swift build -c release --show-bin-path)/keys-bench" \
    "host=$scratch_folder user=postgres dbname=postgres" "host=$scratch_folder user=ragdz_app dbname=postgres"
