#!/usr/bin/env bash
# What one tenant at 100 times its share does to another. A modest tenant calls at a steady pace, before, while a greedy one
# calls at 100 times that pace, and afterwards; the latencies of the modest one and what the greedy one was told are printed.
# Two cases: "limit", where the share is the limit of the greedy tenant's key (200 calls a second) and calls beyond it are
# refused by the limiter; and "pool", where no limit is near and all calls are served over 2 connections to the database.
# The load generators stand for other machines: where that is allowed, the modest one runs before everything else and the greedy
# one after it, so that their waiting for a processor is not taken for the server's.
# Usage: scripts/fairness.sh [SECONDS]       of each phase, 10 by default; RAGDZ_BIN: a folder with ragdzd
#        ONLY=limit|pool, ROUNDS=3 (medians of the rounds)
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/scratch-postgres.sh
seconds=${1:-10} rounds=${ROUNDS:-3}
if [ -n "${RAGDZ_BIN:-}" ]; then
    products=$RAGDZ_BIN
else
    swift build -c release --product ragdzd --quiet
    products=$(swift build -c release --show-bin-path)
fi
work=$(mktemp -d /tmp/ragdz-fairness-XXXXXX)
server=
stop_server() {
    [ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null || true
    server=
}
trap 'stop_server; rm -rf "$work"; scratch_stop' EXIT
scratch_start max_connections=100
export RAGDZ_DATABASE_URL="host=$scratch_folder user=ragdz_app dbname=postgres" RAGDZ_FEATURES=tenants,keys RAGDZ_LOG_CALLS=off
RAGDZ_DATABASE_OWNER_URL="host=$scratch_folder user=postgres dbname=postgres" "$products/ragdzd" migrate >/dev/null 2>&1
# GetTenantRequest{id: "me"} in one gRPC message: an indexed read under the tenant's identity.
printf '\0\0\0\0\4\12\2me' >"$work/request"

serve() { # CONNECTIONS
    mkdir -p "$work/data"
    rm -f "$work/data/addresses.json"
    RAGDZ_DATABASE_CONNECTIONS=$1 RAGDZ_THREADS=1 "$products/ragdzd" serve --data "$work/data" --listen 127.0.0.1:0 \
        --bridge 127.0.0.1:0 >"$work/server.log" 2>&1 &
    server=$!
    for _ in $(seq 200); do [ -s "$work/data/addresses.json" ] && break; sleep 0.1; done
    address() { tr -d '\n' <"$work/data/addresses.json" | sed -E "s/.*\"$1\" *: *\"([^\"]*)\".*/\1/; s|http://||"; }
    rpc=$(address rpc) bridge=$(address bridge)
}
post() { # KEY PATH JSON
    curl -fsS -H "authorization: Bearer $1" -H 'content-type: application/json' -d "$3" "http://$bridge$2"
}
make_tenant() { # SLUG LIMITS: prints the secret of a key of a new tenant
    local operator id
    operator=$(cat "$work/data/operator-credential")
    id=$(post "$operator" /v1/tenants "{\"slug\":\"$1\",\"name\":\"$1\",\"region\":\"REGION_DZ\",\"plan\":\"enterprise\"}" |
        sed -E 's/^\{"id" *: *"([^"]*)".*/\1/')
    post "$operator" /v1/keys "{\"name\":\"k\",\"scopes\":[\"*\"],\"tenantId\":\"$id\"$2}" |
        sed -E 's/.*"secret" *: *"([^"]*)".*/\1/'
}
first_of_all=
! chrt -f 10 true 2>/dev/null || first_of_all="chrt -f 10"
# Calls at a pace that does not wait for answers, over one connection.
load() { # PRIORITY KEY PACE CALLS-IN-FLIGHT ARGUMENT…
    local before=$1
    shift
    $before h2load -c 1 -m "$3" -t 1 --rps="$2" -d "$work/request" -H 'content-type: application/grpc' -H 'te: trailers' \
        -H "authorization: Bearer $1" -H 'grpc-timeout: 2S' "${@:4}" "http://$rpc/ragdz.v1.Tenants/GetTenant"
}
percentile() { cut -f3 "$2" | sort -n | awk -v p="$1" '{ v[NR] = $1 } END { print NR ? v[int(NR * p / 100 + 0.5)] : 0 }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
commits() {
    sleep 1.2
    "$scratch_bin/psql" -qAth "$scratch_folder" -U postgres -c \
        "select xact_commit from pg_stat_database where datname = 'postgres'" postgres
}

measure() { # CASE PACE IN-FLIGHT CONNECTIONS LIMITS-OF-THE-GREEDY-KEY
    local case=$1 pace=$2 flight=$3 phase
    serve "$4"
    local modest greedy pid first last done_
    modest=$(make_tenant "modest-$case" "")
    greedy=$(make_tenant "greedy-$case" "$5")
    load "$first_of_all" "$modest" "$pace" 64 -D 2 >/dev/null
    for round in $(seq "$rounds"); do
        for phase in before during after; do
            rm -f "$work/times"
            first=$(commits)
            pid=
            if [ "$phase" = during ]; then
                load "nice -n 19" "$greedy" $((pace * 100)) "$flight" -D $((seconds + 1)) >"$work/greedy" 2>&1 &
                pid=$!
                sleep 0.5
            fi
            load "$first_of_all" "$modest" "$pace" 64 -D "$seconds" --log-file="$work/times" >"$work/modest"
            [ -z "$pid" ] || wait "$pid"
            last=$(commits)
            percentile 99 "$work/times" >>"$work/$case-$phase"
            percentile 50 "$work/times" >>"$work/$case-$phase-50"
            done_=$(awk '/^requests:/ { print $8 }' "$work/modest")
            if [ "$phase" = during ]; then
                awk -v committed=$((last - first)) -v others="$done_" '/^requests:/ {
                    served = committed - others; if (served > $8) served = $8
                    printf "  %s\n", "greedy: " $8 " calls answered, some " served " served and " $8 - served " refused, " $10 + $12 " failed" }' \
                    "$work/greedy"
            fi
            printf '  round %s, %-6s  modest: %6s calls, p50 %6s us, p99 %6s us\n' "$round" "$phase" "$done_" \
                "$(tail -n 1 "$work/$case-$phase-50")" "$(tail -n 1 "$work/$case-$phase")"
        done
    done
    stop_server
    awk -v name="$case" -v before="$(median <"$work/$case-before")" -v during="$(median <"$work/$case-during")" \
        -v after="$(median <"$work/$case-after")" 'BEGIN {
            moved = 100 * (during / before - 1)
            printf "%s: p99 of the modest tenant %d us before, %d us during (%+.0f %%, bar +10 %%: %s), %d us after\n", name,
                before, during, moved, moved <= 10 ? "held" : "NOT HELD", after }'
}

# The greedy key may make 200 calls a second and makes 20,000.
[ "${ONLY:-limit}" != limit ] ||
    measure limit 200 100 4 ',"limits":{"requestsPerMinute":12000,"burst":20}'
# No limit is near; all that the greedy tenant offers wants one of two connections.
[ "${ONLY:-pool}" != pool ] || measure pool 200 400 2 ""
