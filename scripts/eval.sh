#!/usr/bin/env bash
# What `make eval` runs: search and the evidence gate on the sets of evaluation/, both halves, beside PostgreSQL's own full-text
# search and each leg alone. Vectors are remembered by the hash of their text in $RAGDZ_EVAL_CACHE, so a second run takes a
# third of the time. RAGDZ_EVAL_DUMP=FILE writes every candidate of every question as JSON lines, for trying other weights.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/runtime-env.sh
scripts/install-packages.sh
scripts/install-runtime.sh
scratch=$(mktemp -d /tmp/ragdz-eval.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
packages="debian-faq debian-faq-fr debian-reference-en debian-reference-fr"
# shellcheck disable=SC2086
fetch() { (cd "$scratch" && apt-get download -qq $packages 2>/dev/null); }
if ! fetch; then
    $([ "$(id -u)" = 0 ] || echo sudo) apt-get update -qq
    fetch
fi
for package in "$scratch"/*.deb; do dpkg -x "$package" "$scratch/root"; done
python3 evaluation/sections.py "$scratch/root" >"$scratch/sections.jsonl"
echo "Sections: $(wc -l <"$scratch/sections.jsonl"), of $(dpkg-deb -W "$scratch"/*.deb | tr '\t\n' ' ;')"
export RAGDZ_TESTS=Retrieval RAGDZ_EVAL_SECTIONS=$scratch/sections.jsonl
export RAGDZ_EVAL_CACHE=${RAGDZ_EVAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ragdz/evaluation}
swift test --filter EvaluationTests 2>&1 | grep -E '^(\||##|$)|recorded an issue|Test run|error:'
exit "${PIPESTATUS[0]}"
