#!/usr/bin/env bash
# Does what docs/tutorial.md tells a stranger to do, in a folder of its own, and compares what comes out.
# Usage: scripts/tutorial-test.sh      The build is kept in .build/tutorial, so that only the first run builds all of it.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
started=$SECONDS
place=$(mktemp -d /tmp/ragdz-tutorial-XXXXXX)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT
ln -s "$root" "$place/ragdz"
mkdir "$place/greeter"
cd "$place/greeter"

# A block of code belongs to the file whose name stands alone in the line above it; sh and output blocks are collected.
awk -v out="$place" '
    /^```/ && !inside {
        inside = 1
        kind = substr($0, 4)
        target = ""
        if (kind == "sh") target = out "/commands"
        else if (kind == "output") target = out "/expected"
        else if (file != "") { target = out "/greeter/" file; system("mkdir -p $(dirname " target ")") }
        file = ""
        next
    }
    /^```$/ && inside { inside = 0; next }
    inside { if (target != "") print >> target; next }
    /^`[^` ]+`$/ { file = substr($0, 2, length($0) - 2); next }
    /./ { file = "" }
' "$root/docs/tutorial.md"

# The port of the page may be taken; the build is kept between runs.
port=$((20000 + RANDOM % 20000))
sed -i "s/50443/$port/" Sources/greeter-server/main.swift Sources/greeter-client/main.swift
mkdir -p "$root/.build/tutorial"
sed -e "s|swift build|swift build --scratch-path $root/.build/tutorial|" \
    -e 's|^\$bin/greeter-client|$bin/greeter-client > ../heard|' "$place/commands" > "$place/steps"
echo "== $(wc -l < "$place/steps") commands of the tutorial"
set +e
bash -e -c "trap 'kill \$server 2>/dev/null || true' EXIT; . '$place/steps'" > "$place/log" 2>&1
status=$?
set -e
if [ $status -ne 0 ] && [ $status -ne 143 ]; then
    tail -40 "$place/log"
    echo "the tutorial's commands ended with status $status"
    exit 1
fi
# The lines of the interceptor are set in; they come as the calls end.
grep -v '^  (' "$place/heard" > "$place/answers" || true
diff "$place/expected" "$place/answers"
for line in "  (Greet: OK)" "  (Greet: INVALID_ARGUMENT)" "  (Count: OK)" "  (GreetAll: OK)"; do
    grep -qxF -- "$line" "$place/heard" || { echo "the interceptor did not say: $line"; exit 1; }
done
echo "the tutorial works ($((SECONDS - started)) s)"
