#!/usr/bin/env bash
# What `make eval` runs: search and the evidence gate on the sets of evaluation/, both halves, beside PostgreSQL's own full-text
# search and each leg alone. Vectors are remembered by the hash of their text in $RAGDZ_EVAL_CACHE, so a second run takes a
# third of the time. RAGDZ_EVAL_DUMP=FILE writes every candidate of every question as JSON lines, for trying other weights; those of
# the templates into FILE.templates.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/runtime-env.sh
scripts/install-packages.sh
scripts/install-runtime.sh
scratch=$(mktemp -d /tmp/ragdz-eval.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
packages="debian-faq debian-faq-fr debian-reference-en debian-reference-fr"
# Whose questions are in Arabic, French and English; the second list is of Debian's installer, which has an archive of its own.
asking="console-common console-data console-setup debconf exim4-config fontconfig-config gpm grub-pc keyboard-configuration locales
    popularity-contest samba-common tasksel"
installer="base-installer bootstrap-base live-installer partman-auto partman-auto-lvm partman-base partman-crypto partman-lvm
    partman-md pkgsel"
mkdir "$scratch/asking" "$scratch/control"
# shellcheck disable=SC2086
fetch() { (cd "$scratch" && apt-get download -qq $packages 2>/dev/null && cd asking && apt-get download -qq $asking 2>/dev/null); }
if ! fetch; then
    $([ "$(id -u)" = 0 ] || echo sudo) apt-get update -qq
    fetch
fi
for package in "$scratch"/*.deb; do dpkg -x "$package" "$scratch/root"; done
python3 evaluation/sections.py "$scratch/root" >"$scratch/sections.jsonl"
echo "Sections: $(wc -l <"$scratch/sections.jsonl"), of $(dpkg-deb -W "$scratch"/*.deb | tr '\t\n' ' ;')"
# The installer's archive, from where the system's own packages come, with lists and caches of its own.
mkdir -p "$scratch"/apt/{lists/partial,state,cache/archives/partial,empty}
touch "$scratch/apt/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk -v by="$([ -f $keyring ] && echo "[signed-by=$keyring] ")" \
        '$1 ~ /\/debian\/$/ && $2 !~ /-/ && $3 == "main" { print "deb " by $1, $2, "main/debian-installer" }' |
    sort -u >"$scratch/apt/sources.list"
cat >"$scratch/apt/apt.conf" <<END
Dir::Etc::sourcelist "$scratch/apt/sources.list";
Dir::Etc::sourceparts "$scratch/apt/empty";
Dir::State "$scratch/apt/state";
Dir::State::lists "$scratch/apt/lists";
Dir::State::status "$scratch/apt/status";
Dir::Cache "$scratch/apt/cache";
END
# shellcheck disable=SC2086
(cd "$scratch/asking" && export APT_CONFIG="$scratch/apt/apt.conf" && apt-get update -qq 2>/dev/null &&
    apt-get download -qq $installer 2>/dev/null) || echo "Templates: the installer's archive was not reached; its questions are left out"
for package in "$scratch"/asking/*deb; do dpkg-deb -e "$package" "$scratch/control/$(basename "$package")"; done
python3 evaluation/templates.py "$scratch/control" >"$scratch/templates.jsonl"
echo "Templates: $(($(wc -l <"$scratch/templates.jsonl") / 3)) in Arabic, French and English"
export RAGDZ_TESTS=Retrieval RAGDZ_EVAL_CACHE=${RAGDZ_EVAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ragdz/evaluation}
evaluate() { swift test --filter EvaluationTests 2>&1 | grep -E '^(\||##|$)|recorded an issue|Test run|error:'; }
RAGDZ_EVAL_SECTIONS=$scratch/sections.jsonl evaluate
# The templates beside the demo's documents alone: the Debian books would hold much of the same.
[ -z "${RAGDZ_EVAL_DUMP:-}" ] || export RAGDZ_EVAL_DUMP=$RAGDZ_EVAL_DUMP.templates
RAGDZ_EVAL_SECTIONS=$scratch/templates.jsonl RAGDZ_EVAL_ONLY=templates evaluate
