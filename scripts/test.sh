#!/usr/bin/env bash
# What `make test` runs: installs what is missing, checks the style, runs every test, prints line coverage of Sources.
# Usage: scripts/test.sh [swift test arguments]      With arguments (say, --filter Keys) the coverage bar is not applied.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
minimum_coverage=80
started=$SECONDS
step() { printf '\n== %s (%ds)\n' "$1" "$((SECONDS - started))"; }

step "Packages and runtime that the tests need"
scripts/install-packages.sh
. scripts/runtime-env.sh
scripts/install-runtime.sh
scripts/test-venv.sh

step "Formatting"
# Lines that are too long and cannot be broken (texts, URLs) are left to the reviewer.
findings=$(find Package.swift Sources Tests Examples Benchmarks codegen fuzz -name '*.swift' -not -path '*/Generated/*' -not -path '*/.build*' -print0 |
    xargs -0 swift format lint --parallel 2>&1 | grep -E ': (warning|error):' | grep -v '\[LineLength\]' || true)
if [ -n "$findings" ]; then
    printf '%s\n' "$findings" | head -40
    echo "swift-format has findings: make format mends most of them"
    exit 1
fi
echo "swift-format: clean"

step "Generated files are those that the generator prints"
scripts/generate.sh
codegen/Tests/sqlgen-check.sh "$(scripts/generate.sh tools | tail -1)/sqlgen"
if [ -n "$(git status --porcelain -- Sources Tests Examples | grep Generated || true)" ]; then
    git status --short -- Sources Tests Examples
    if [ "${CI:-}" = true ]; then echo "make generate leaves a diff"; exit 1; fi
    echo "note: generated files differ from the last commit"
fi

step "Build of all targets and tests, with coverage (the first one takes some minutes)"
swift build --build-tests --enable-code-coverage

step "What the generator prints for protos made to break it compiles"
scripts/check-codegen.sh

step "Official protobuf conformance suite"
scripts/conformance-protobuf.sh

step "HTTP/2 conformance"
scripts/conformance-http2.sh .build/debug/ragdz-echo
scripts/conformance-floods.sh 0 .build/debug/ragdz-echo | grep -E "FAIL|attacks ended"

step "What docs/tutorial.md says works for a stranger's package"
scripts/tutorial-test.sh

step "Fuzz targets, some seconds each"
# The same inputs each time: what lands must not depend on luck. `make fuzz` looks for new ones.
FUZZ_SEED=1 scripts/fuzz.sh 5

step "Tests"
rm -rf .build/debug/codecov
# Suites that start servers and databases would starve each other when hundreds of tests run at once.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! swift test --enable-code-coverage --skip-build --experimental-maximum-parallelization-width 3 "$@" 2>&1 | tee "$log"; then
    # The names last, where whoever reads only the end of a long log finds them.
    printf '\nWhat failed:\n'
    grep -a -A 2 -E '^✘|Fatal error|unexpected signal' "$log" | tail -60
    exit 1
fi

step "Release build: the optimiser has refused, and could break, what the debug build takes"
for product in ragdzd ragdz ragdz-echo; do swift build -c release --product "$product" --quiet; echo "$product: built"; done

step "Allocations of the engine and the codec"
scripts/bench-engine.sh short

step "Line coverage of Sources (Generated left out)"
scripts/coverage.sh "$([ $# -eq 0 ] && echo $minimum_coverage || echo 0)"
printf '\nAll done in %d s.\n' "$((SECONDS - started))"
