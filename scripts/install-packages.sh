#!/usr/bin/env bash
# Installs the Debian packages that building, serving and testing need, and only those that are missing.
# Uses sudo when not root. Says what it does.
set -euo pipefail
packages="libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libprotobuf-dev libnghttp2-dev libpq-dev libssl-dev zlib1g-dev
    libcurl4-openssl-dev poppler-utils nghttp2-client python3-venv pkg-config make curl git openssl procps"
# The JavaScript client is tested with node, from wherever it comes.
command -v node >/dev/null || packages="$packages nodejs"
missing=
for package in $packages; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "Debian packages: all present"
    exit 0
fi
echo "Debian packages: installing$missing"
root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "Run as root, or install sudo, or install by hand:$missing"; exit 1; }
    root=sudo
fi
$root apt-get update -qq
# shellcheck disable=SC2086
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
echo "Debian packages: done"
