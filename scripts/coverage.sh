#!/usr/bin/env bash
# Prints line coverage of Sources from the last `swift test --enable-code-coverage`, by room and in all, of this process
# and of the servers and clients that the tests started. Usage: scripts/coverage.sh [MINIMUM-PERCENT]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
minimum=${1:-0}
bin=$(swift build --show-bin-path)
llvm=$(dirname "$(readlink -f "$(command -v swift)")")
"$llvm/llvm-profdata" merge -sparse "$bin"/codecov/*.profraw -o "$bin/codecov/all.profdata"
bundle=$(find "$bin" -maxdepth 1 -name '*PackageTests.xctest' | head -1)
"$llvm/llvm-cov" export -summary-only -instr-profile "$bin/codecov/all.profdata" \
    -ignore-filename-regex='(\.build|/Tests/|/Generated/|/Examples/|/codegen/)' \
    "$bundle" -object "$bin/ragdzd" -object "$bin/ragdz" |
    MINIMUM=$minimum python3 -c '
import json, os, sys
rooms, all_lines, covered = {}, 0, 0
for f in json.load(sys.stdin)["data"][0]["files"]:
    if "/Sources/" not in f["filename"]:
        continue
    room = f["filename"].split("/Sources/")[1].split("/")[0]
    lines = f["summary"]["lines"]
    r = rooms.setdefault(room, [0, 0])
    r[0] += lines["covered"]; r[1] += lines["count"]
for room, (c, n) in sorted(rooms.items()):
    print(f"  {room:<14}{100 * c / max(n, 1):6.1f} %  {c:>6} of {n}")
    covered += c; all_lines += n
percent = 100 * covered / max(all_lines, 1)
minimum = float(os.environ["MINIMUM"])
print(f"Line coverage: {percent:.1f} % ({covered} of {all_lines} lines)")
if percent < minimum:
    sys.exit(f"Line coverage is below {minimum:.0f} %.")
'
