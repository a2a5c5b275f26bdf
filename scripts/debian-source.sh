#!/usr/bin/env bash
# Fetches a Debian source package and prints the folder of its unpacked upstream sources. Usage: scripts/debian-source.sh NAME
# The machine's own Debian archive is asked, through a private configuration: /etc/apt stays as it is. A second call fetches
# nothing. Kept in ${RAGDZ_CACHE:-~/.cache/ragdz}.
set -euo pipefail
name=${1:?a source package}
cache=${RAGDZ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ragdz}/source
if [ -f "$cache/$name/folder" ]; then
    cat "$cache/$name/folder"
    exit 0
fi
rm -rf "${cache:?}/$name"
mkdir -p "$cache/$name" "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v code="$codename" -v key="$keyring" '$2 == code || index($2, code "-") == 1 {
        print "deb-src [signed-by=" key "] " $1, $2, $3 }' | sort -u >"$cache/apt/sources.list"
# Downloads by root go unsandboxed: the folder need not be readable by apt's own user.
options=(-qq -o "Dir::Etc::sourcelist=$cache/apt/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$cache/apt/lists" -o "Dir::Cache=$cache/apt/cache" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update >&2
(cd "$cache/$name" && apt-get "${options[@]}" source --download-only "$name" >&2)
tar -xf "$cache/$name/"*.orig.tar.* -C "$cache/$name"
folder=$(find "$cache/$name" -mindepth 1 -maxdepth 1 -type d | head -1)
echo "$folder" >"$cache/$name/folder"
echo "$folder"
