#!/usr/bin/env bash
# Runs the fuzz targets of fuzz/ with libFuzzer and the address sanitiser. Usage: scripts/fuzz.sh [SECONDS] [TARGET...]
# SECONDS (60) is for each target; FUZZ_SEED makes a run repeatable (0: another one each time).
# The rooms under test are built here, instrumented; the rest is .build/debug's.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(find fuzz -name Target.swift -printf '%h\n' | sed 's|fuzz/||' | LC_ALL=C sort)
debug=$(readlink -f "${RAGDZ_DEBUG:-.build/debug}" || true)
artifacts=${FUZZ_ARTIFACTS:-/tmp}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

flags=(-O -wmo -swift-version 6 -sanitize=fuzzer,address -parse-as-library -suppress-warnings -enable-testing -package-name ragdz
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature ExistentialAny
    -enable-upcoming-feature MemberImportVisibility -I "$out" -I "$debug/Modules")
for map in Sources/C*/module.modulemap "$debug"/*.build/module.modulemap "$debug"/../../checkouts/*/Sources/*/include/module.modulemap; do
    [ -f "$map" ] && flags+=(-Xcc "-fmodule-map-file=$map")
done

# Everything that the debug build made, rooms under test and executables left out: the linker takes what is missing.
rest() {
    find "$debug/" -name '*.o' -path '*.build/*' 2>/dev/null |
        grep -vE '/[^/]*(Tests|-tool|PackagePlugin)\.build/|/(ragdz[^/]*|[a-z]+[-_]bench|MallocCount)\.build/' |
        grep -vE "/($(tr ' ' '|' <<<"$1"))\.build/" >"$out/objects" || true
    rm -f "$out/rest.a"
    [ ! -s "$out/objects" ] || tr '\n' '\0' <"$out/objects" | xargs -0 ar rcsT "$out/rest.a"
    [ ! -f "$out/rest.a" ] || echo "$out/rest.a"
}

build() {
    local target=$1 rooms objects=() room
    rooms=$(head -1 "fuzz/$target/rooms")
    for room in $rooms; do
        if [ ! -f "$out/$room.o" ]; then
            # shellcheck disable=SC2046
            swiftc "${flags[@]}" -module-name "$room" -emit-module -emit-module-path "$out/$room.swiftmodule" -c \
                -o "$out/$room.o" $(find "Sources/$room" -name '*.swift')
        fi
        objects+=("$out/$room.o")
    done
    # shellcheck disable=SC2046
    swiftc "${flags[@]}" -module-name "fuzz_$target" -profile-generate -o "$out/$target" "fuzz/$target/Target.swift" \
        $(tail -n +2 "fuzz/$target/rooms") "${objects[@]}" $(rest "$rooms") >"$out/link.log" 2>&1 ||
        { grep -v "ld.gold: warning: Cannot export local symbol" "$out/link.log"; exit 1; }
}

for target in "${targets[@]}"; do
    build "$target"
    mkdir -p "$out/$target-corpus"
    folders=("$out/$target-corpus")
    for folder in "fuzz/$target/crashes" "fuzz/$target/seeds"; do [ -d "$folder" ] && folders+=("$folder"); done
    LLVM_PROFILE_FILE=/dev/null "$out/$target" -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 -artifact_prefix="$artifacts/fuzz-$target-" \
        "${folders[@]}" >"$out/$target.log" 2>&1 || { tail -60 "$out/$target.log"; exit 1; }
    awk -v target="$target" '/number_of_executed_units/ {n = $2} END {printf "fuzz %s: %d inputs, no crash\n", target, n}' \
        "$out/$target.log"
done
