#!/usr/bin/env bash
# sqlgen on small inputs: the same input gives the same bytes, and what is wrong is refused with its file and reason.
# Usage: codegen/Tests/sqlgen-check.sh PATH-OF-SQLGEN
set -euo pipefail
sqlgen=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/sql/queries" "$root/sql/migrations" "$root/Sources/Room" "$root/Sources/Schema"
failed=0
fail() { echo "FAILED: $1"; failed=1; }
refused() {
    if message=$("$sqlgen" "$root" 2>&1); then fail "accepted: $1"; return; fi
    case $message in *"$2"*) ;; *) fail "$1: said \"$message\" instead of \"$2\"" ;; esac
}

printf -- '-- room: Room\n\n-- name: one\n-- Why.\nselect """ || E'"'"'\\\\#'"'"' -- not a doc\nfrom t;\n' >"$root/sql/queries/area.sql"
printf 'create table t ();\n' >"$root/sql/migrations/0001_first.sql"
"$sqlgen" "$root" >/dev/null
cp -r "$root/Sources" "$root/before"
touch -d '2001-01-01' "$root/Sources/Room/Generated/Queries.swift"
"$sqlgen" "$root" >/dev/null
diff -r "$root/before" "$root/Sources" || fail "a second run differs"
[ "$(date -r "$root/Sources/Room/Generated/Queries.swift" +%Y)" = 2001 ] || fail "an unchanged file was written again"
sum=$(sha256sum <"$root/sql/migrations/0001_first.sql" | cut -d' ' -f1)
grep -q "$sum" "$root/Sources/Schema/Generated/Migrations.swift" || fail "the checksum is not SHA-256 of the file"
grep -q 'name: "area.one"' "$root/Sources/Room/Generated/Queries.swift" || fail "the name is missing"
{ cat "$root/Sources/Room/Generated/Queries.swift" | sed '/^internal import/d'
  echo 'struct Statement { let name: String; let sql: String }; print(Queries.one.sql)'; } >"$root/main.swift"
if command -v swiftc >/dev/null; then
    swiftc -o "$root/program" "$root/main.swift" && [ "$("$root/program")" = "select \"\"\" || E'\\\\#' -- not a doc
from t" ] || fail "the printed text is not the one of the file"
fi

printf -- '-- room: Room\n-- name: two\nselect 1;\n-- name: two\nselect 2;\n' >"$root/sql/queries/area.sql"
refused "a name twice" "the name two is used"
printf -- '-- room: Room\n-- name: Two\nselect 1;\n' >"$root/sql/queries/area.sql"
refused "a capital name" "no lowerCamelCase name"
printf -- '-- name: two\nselect 1;\n' >"$root/sql/queries/area.sql"
refused "no room" "no \`-- room: X\` line"
printf -- '-- room: Nowhere\n-- name: two\nselect 1;\n' >"$root/sql/queries/area.sql"
refused "an unknown room" "there is no room Sources/Nowhere"
printf -- '-- room: Room\n-- name: two\n;\n' >"$root/sql/queries/area.sql"
refused "an empty statement" "two is empty"
printf -- '-- room: Room\nselect 1;\n' >"$root/sql/queries/area.sql"
refused "a statement without name" "text before the first"
printf -- '-- room: Room\n-- name: two\nselect 1;\n' >"$root/sql/queries/area.sql"
touch "$root/sql/migrations/0001_second.sql"
refused "a number twice" "two migrations have the number 1"
rm "$root/sql/migrations/0001_second.sql"
touch "$root/sql/migrations/2_x.sql"
refused "a bad file name" "NNNN_lower_case_name.sql"
[ $failed = 0 ] && echo "sqlgen: all checks hold"
exit $failed
