#!/usr/bin/env bash
# sqlgen on small inputs, with a server of its own: the same input gives the same bytes, the types and the nullability are
# the server's, and what is wrong (a renamed column first of all) is refused with its file, line and reason.
# Usage: codegen/Tests/sqlgen-check.sh PATH-OF-SQLGEN
set -euo pipefail
sqlgen=$1
. "$(dirname "$(readlink -f "$0")")/../../scripts/scratch-postgres.sh"
root=$(mktemp -d)
trap 'rm -rf "$root"; scratch_stop' EXIT
scratch_start fsync=off
"$scratch_bin/psql" -qh "$scratch_folder" -U postgres -c "create role ragdz_owner"
queries=$root/sql/queries/area.sql printed=$root/Sources/Room/Generated/Queries.swift
mkdir -p "$root/sql/queries" "$root/sql/migrations" "$root/Sources/Room" "$root/Sources/Schema"
failed=0
fail() { echo "FAILED: $1"; failed=1; }
run() { "$sqlgen" "$root" "$scratch_connection" 2>&1; }
refused() {
    if message=$(run); then fail "accepted: $1"; return; fi
    case $message in *"$2"*) ;; *) fail "$1: said \"$message\" instead of \"$2\"" ;; esac
}
prints() { grep -qF -- "$1" "$printed" || fail "not printed: $1"; }
statement() { printf -- '-- room: Room\n-- name: %s\n%s;\n' "$1" "$2" >"$queries"; }

cat >"$root/sql/migrations/0001_first.sql" <<'SQL'
create schema ragdz authorization ragdz_owner;
create table ragdz.t (
    tenant_id uuid not null primary key, name text not null, note text, small smallint not null, big bigint not null,
    price numeric, flags boolean[], made timestamptz not null, data jsonb not null, hash bytea not null, r real not null
);
create table ragdz.u (tenant_id uuid not null, label text not null);
SQL
cat >"$queries" <<'SQL'
-- room: Room

-- name: FindOne :one
-- Why.
select *, ':not_a_parameter' as "text!", E'it\'s :none' as maybe, now()::date as day, '{1,2}'::int[] as list
from ragdz.t where tenant_id = :tenant_id::uuid and name = @name and (note = :note? or (flags)[1:2] = '{t}'); -- a :comment

-- name: count :one
select count(*) as "n!" from ragdz.t where data @> :data::jsonb;

-- name: names :many
select name from ragdz.t limit :page_size;

-- name: first :many
-- row: Pair
select tenant_id, name from ragdz.t;

-- name: second :one
-- row: Pair
select tenant_id, name from ragdz.t where small = :small;

-- name: joined :many
select t.name, u.label, t.big as "big!" from ragdz.t left join ragdz.u on u.tenant_id = t.tenant_id;

-- name: touched :many
with made as (update ragdz.t set note = null returning *) select name, note from made;

-- name: rename :execrows
update ragdz.t set name = :name, big = big + :by where tenant_id = any (:tenant_ids);

-- name: forget :exec
delete from ragdz.t where name = :name or name = left(:name, 3);
SQL
run >/dev/null || fail "the good file is refused: $(run)"
cp -r "$root/Sources" "$root/before"
touch -d '2001-01-01' "$printed"
run >/dev/null || fail "a second run is refused"
diff -r "$root/before" "$root/Sources" || fail "a second run differs"
[ "$(date -r "$printed" +%Y)" = 2001 ] || fail "an unchanged file was written again"
sum=$(sha256sum <"$root/sql/migrations/0001_first.sql" | cut -d' ' -f1)
grep -q "$sum" "$root/Sources/Schema/Generated/Migrations.swift" || fail "the checksum is not SHA-256 of the file"
prints 'name: "area.findOne"'
prints "where tenant_id = \$1::uuid and name = \$2 and (note = \$3 or (flags)[1:2] = '{t}')"
prints "select *, ':not_a_parameter' as text, E'it\\'s :none' as maybe"
prints '_ db: some QueryRunner, tenantID: UUID128, name: String, note: String?'
for column in 'name: String' 'note: String?' 'small: Int' 'big: Int64' 'price: String?' 'flags: [Bool]?' 'text: String' \
    'made: PostgresTimestamp' 'data: PostgresJSON' 'hash: [UInt8]' 'r: Float' 'maybe: String?' 'list: [Int]?' 'label: String?'; do
    grep -qxF "        var $column" "$printed" || fail "no column $column"
done
prints 'throws(PostgresError) -> FindOneRow?'
prints 'throws(PostgresError) -> Int64?'
prints 'throws(PostgresError) -> [String]'
prints 'throws(PostgresError) -> [Pair]'
prints 'throws(PostgresError) -> Pair?'
prints 'name: String, by: Int64, tenantIDs: [UUID128]'
prints 'throws(PostgresError) -> Int {'
grep -A3 'struct JoinedRow' "$printed" | grep -qF 'var name: String?' || fail "an outer join does not widen"
grep -A3 'struct TouchedRow' "$printed" | grep -qxF '        var name: String' || fail "a column behind a CTE lost its not null"

# The defect that this exists for: a column is renamed, the statements are not.
sed -i.kept 's/note text/remark text/' "$root/sql/migrations/0001_first.sql"
refused "a renamed column" "area.sql:3: findOne"
refused "a renamed column" 'column "note" does not exist'
sed -i 's/remark text/note integer/' "$root/sql/migrations/0001_first.sql"
run >/dev/null && cmp -s "$printed" "$root/before/Room/Generated/Queries.swift" && fail "a changed type prints the same Swift"
mv "$root/sql/migrations/0001_first.sql.kept" "$root/sql/migrations/0001_first.sql"

printf -- '-- room: Room\n-- name: two :exec\nselect 1;\n-- name: two :exec\nselect 2;\n' >"$queries"
refused "a name twice" "the name two is used"
statement 'two :some' 'select 1'
refused "an unknown kind" "the kinds are :one, :many, :exec and :execrows"
statement 'two' 'select 1'
refused "no kind" "is not of the form"
statement 'two :one' 'select $1::int as a'
refused "a numbered parameter" "parameters have names"
statement 'two :one' 'select 1 as a, 2 as a'
refused "two columns of one name" "two columns have one name"
statement 'two :one' "select 'a'::tsvector as v"
refused "a type without Swift" "the type tsvector has no Swift type"
statement 'two :one' 'delete from ragdz.t'
refused "no columns" "use :exec or :execrows"
statement 'two :exec' 'select :db::int'
refused "a taken name" "the name db is taken"
printf -- '-- room: Room\n-- name: a :one\n-- row: R\nselect name, big from ragdz.t;\n-- name: b :one\n-- row: R\nselect name, note from ragdz.t;\n' >"$queries"
refused "one row type for two shapes" "cannot share the row type R: note: String? against big: Int64"
printf -- '-- name: two :exec\nselect 1;\n' >"$queries"
refused "no room" "no \`-- room: X\` line"
printf -- '-- room: Nowhere\n-- name: two :exec\nselect 1;\n' >"$queries"
refused "an unknown room" "there is no room Sources/Nowhere"
statement 'two :exec' ''
refused "an empty statement" "two is empty"
printf -- '-- room: Room\nselect 1;\n' >"$queries"
refused "a statement without name" "text before the first"
statement 'two :exec' 'select 1'
touch "$root/sql/migrations/0001_second.sql"
refused "a number twice" "two migrations have the number 1"
rm "$root/sql/migrations/0001_second.sql"
touch "$root/sql/migrations/2_x.sql"
refused "a bad file name" "NNNN_lower_case_name.sql"
rm "$root/sql/migrations/2_x.sql"
echo 'create table ragdz.x (' >"$root/sql/migrations/0002_bad.sql"
refused "a migration that fails" "0002_bad.sql: ERROR"
[ $failed = 0 ] && echo "sqlgen: all checks hold"
exit $failed
